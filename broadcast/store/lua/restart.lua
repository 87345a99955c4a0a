-- Plan a lane anew, now: its rules have changed. moves: booked > pending, booked > cancelled
-- ARGV[1] instance
-- reply how many booked contacts were given back
local instance = ARGV[1]
local count = start_over(instance)
if redis.call("ZCARD", ready_key(instance)) > 0 then look_at_lane(instance, now_ms()) end
return count
