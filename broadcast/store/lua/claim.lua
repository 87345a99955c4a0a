-- Claim a campaign id for accepting, or say who has it. A claim whose lease lapsed may be taken over.
-- ARGV[1] campaign · ARGV[2] digest of the body · ARGV[3] token of this attempt · ARGV[4] lease, ms
-- reply {"new", contacts left by a lapsed attempt} | {"known"} same body, accepted | {"accepting"} same body, under way
--       | {"conflict"} another body has the id | {"removing"} the campaign that had it is being removed
local campaign, digest, token, lease_ms = unpack(ARGV)
local status, held_digest, held_token, lease, staged, stored =
  unpack(redis.call("HMGET", campaign_key(campaign), "status", "digest", "token", "lease", "staged", "stored"))
local now = now_ms()

if status == "removing" then return { "removing" } end
if status and status ~= "staging" then
  return { held_digest == digest and "known" or "conflict" }
end
if status and held_token ~= token and tonumber(lease) > now then
  return { held_digest == digest and "accepting" or "conflict" }
end
-- What lapsed attempts left is known until it is removed, should this one die as well; see abandon.lua.
local left = math.max(tonumber(staged or 0), tonumber(stored or 0))
redis.call("DEL", campaign_key(campaign), pending_key(campaign))
redis.call("HSET", campaign_key(campaign), "status", "staging", "digest", digest, "token", token,
  "lease", now + lease_ms, "staged", 0, "stored", left)
redis.call("ZADD", stagings_key(), now, campaign)
return { "new", left }
