-- Start an open campaign: no more contacts are added, and it runs, or waits for its time.
-- ARGV[1] campaign · ARGV[2..] fields that say what is foretold of it
-- reply {1 done, or done before | 0 it has no contacts, status, instance}, or false: no such campaign
local campaign = ARGV[1]
local key = campaign_key(campaign)
local status, instance, is_open, total, scheduled_ms =
  unpack(redis.call("HMGET", key, "status", "instance", "open", "total", "scheduled_ms"))
if not is_there(status) then return false end
if not is_open or status ~= "scheduled" then return { 1, status, instance } end
if tonumber(total) == 0 then return { 0, status, instance } end

redis.call("HDEL", key, "open")
if ARGV[2] then redis.call("HSET", key, unpack(ARGV, 2)) end
revise(campaign)
redis.call("UNLINK", identities_key(campaign), chunks_key(campaign))
if scheduled_ms and tonumber(scheduled_ms) > now_ms() then
  redis.call("ZADD", scheduled_key(), scheduled_ms, campaign)
else
  redis.call("HSET", key, "status", "running", "started_ms", now_ms())
  join_lane(instance, campaign)
  tell(campaign, "started")
  finish(campaign)
end
return { 1, redis.call("HGET", key, "status"), instance }
