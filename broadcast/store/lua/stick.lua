-- Say why a lane with work is not sending, or that it sends again; perhaps have it looked at now.
-- ARGV[1] instance · ARGV[2] cause, or "" · ARGV[3] "1" to have it looked at
-- reply 1 this is news | 0 it was known
local instance, cause, look = unpack(ARGV)
if look == "1" then look_at_lane(instance, now_ms()) end
local known = redis.call("HGET", lane_key(instance), "stuck") or ""
if known == cause then return 0 end
if cause == "" then
  redis.call("HDEL", lane_key(instance), "stuck", "stuck_ms")
else
  redis.call("HSET", lane_key(instance), "stuck", cause, "stuck_ms", now_ms())
end
return 1
