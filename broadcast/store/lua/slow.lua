-- Keep a lane's slow-down, if nobody has changed it since it was read; what is booked is planned anew, at the new pace.
-- moves: booked > pending, booked > cancelled
-- ARGV[1] instance · ARGV[2] when it was last changed as read, Unix ms (0: never) · ARGV[3] the new factor · ARGV[4] reason
-- reply 1 kept | 0 somebody else was first
local instance, since, factor, reason = unpack(ARGV)
if tonumber(redis.call("HGET", lane_key(instance), "slow_ms") or 0) ~= tonumber(since) then return 0 end
redis.call("HSET", lane_key(instance), "slow", factor, "slow_ms", now_ms(), "slow_reason", reason)
start_over(instance)
return 1
