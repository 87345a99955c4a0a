-- How lanes stand, and how their instances are registered, at one instant.
-- ARGV[1] instance · ARGV[2..] more of them
-- reply {now ms, {{lane hash, contacts that wait, booked, sending, instance hash, how the last messages fared}, ...}}
local found = {}
for i, instance in ipairs(ARGV) do
  local waiting = 0
  for _, campaign in ipairs(redis.call("ZRANGE", ready_key(instance), 0, -1)) do
    waiting = waiting + tonumber(redis.call("HGET", tally_key(campaign), "pending") or 0)
  end
  found[i] = { redis.call("HGETALL", lane_key(instance)), waiting, redis.call("ZCARD", booked_key(instance)),
    redis.call("ZCARD", sending_key(instance)), redis.call("HGETALL", instance_key(instance)),
    redis.call("LRANGE", recent_key(instance), 0, -1) }
end
return { now_ms(), found }
