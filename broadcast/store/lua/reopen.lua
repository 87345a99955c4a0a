-- Open a closed lane whose gateway was asked, and says that the instance can send; unless somebody else was first.
-- ARGV[1] instance · ARGV[2] how often that was done before, with no message accepted since, as read
-- reply 1 opened | 0 left as it was
local instance, times = unpack(ARGV)
local held, done = unpack(redis.call("HMGET", lane_key(instance), "hold", "reopened"))
if held ~= "closed" or tonumber(done or 0) ~= tonumber(times) then return 0 end
redis.call("HINCRBY", lane_key(instance), "reopened", 1)
open_lane(instance)
return 1
