-- Let a lane rest: nothing leaves for a while. A longer rest stands.
-- ARGV[1] instance · ARGV[2] for how long, ms · ARGV[3] reason
-- reply 1
local instance, rest_ms, reason = unpack(ARGV)
local rest = tonumber(redis.call("HGET", lane_key(instance), "rest") or 0)
redis.call("HSET", lane_key(instance), "rest", math.max(rest, now_ms() + rest_ms), "rest_reason", reason)
return 1
