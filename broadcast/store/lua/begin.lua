-- Start the campaigns whose scheduled time has come.
-- ARGV[1] how many at the most
-- reply the campaigns started
local due = redis.call("ZRANGEBYSCORE", scheduled_key(), "-inf", now_ms(), "LIMIT", 0, ARGV[1])
for _, campaign in ipairs(due) do
  redis.call("ZREM", scheduled_key(), campaign)
  local status, instance = unpack(redis.call("HMGET", campaign_key(campaign), "status", "instance"))
  if status == "scheduled" then
    redis.call("HSET", campaign_key(campaign), "status", "running", "started_ms", now_ms())
    revise(campaign)
    join_lane(instance, campaign)
    tell(campaign, "started")
    finish(campaign)
  end
end
return due
