-- Take over a claim whose holder died while it accepted a campaign, so that what it stored can be removed.
-- ARGV[1] campaign · ARGV[2] token of this attempt · ARGV[3] lease, ms · ARGV[4] for how long the last has to be over, ms
-- reply how many contacts may be stored | -1 the campaign was opened or given up, or its holder may be alive
local campaign, token, lease_ms, idle_ms = unpack(ARGV)
local status, lease, staged, stored =
  unpack(redis.call("HMGET", campaign_key(campaign), "status", "lease", "staged", "stored"))
if status ~= "staging" then
  redis.call("ZREM", stagings_key(), campaign)
  return -1
end
local now = now_ms()
if tonumber(lease) + tonumber(idle_ms) > now then return -1 end
redis.call("HSET", campaign_key(campaign), "token", token, "lease", now + lease_ms)
return math.max(tonumber(staged), tonumber(stored or 0))
