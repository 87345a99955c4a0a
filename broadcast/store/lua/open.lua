-- Make an accepted campaign visible, whole: the order, its tally and its place in the lane or in the schedule.
-- ARGV[1] campaign · ARGV[2] token · ARGV[3] instance · ARGV[4] departure asked for, Unix ms, or ""
-- ARGV[5] pending · ARGV[6] skipped · ARGV[7..] fields of the order
-- reply the campaign's status | "lost" the claim was lost
local campaign, token, instance, scheduled_ms, pending, skipped = unpack(ARGV, 1, 6)
if redis.call("HGET", campaign_key(campaign), "token") ~= token then return "lost" end
local now = now_ms()
local waits = scheduled_ms ~= "" and tonumber(scheduled_ms) > now

-- `noted`: each of its departures will be.
-- The first revision is the time: newer than all of an earlier campaign of this id, should that have been deleted.
redis.call("HSET", campaign_key(campaign), "created_ms", now, "rev", now, "instance", instance,
  "noted", 1, unpack(ARGV, 7))
redis.call("HDEL", campaign_key(campaign), "token", "lease", "staged", "stored")
redis.call("ZREM", stagings_key(), campaign)
redis.call("DEL", tally_key(campaign))
redis.call("HSET", tally_key(campaign), "pending", pending, "skipped", skipped)
redis.call("ZADD", campaigns_key(), now, campaign)
if scheduled_ms ~= "" then redis.call("HSET", campaign_key(campaign), "scheduled_ms", scheduled_ms) end
if redis.call("HGET", campaign_key(campaign), "open") then  -- contacts are still to come; see start.lua
  redis.call("HSET", campaign_key(campaign), "status", "scheduled")
elseif waits then
  redis.call("HSET", campaign_key(campaign), "status", "scheduled")
  redis.call("ZADD", scheduled_key(), scheduled_ms, campaign)
else
  redis.call("HSET", campaign_key(campaign), "status", "running", "started_ms", now)
  join_lane(instance, campaign)
  tell(campaign, "started")
  finish(campaign)
end
return redis.call("HGET", campaign_key(campaign), "status")
