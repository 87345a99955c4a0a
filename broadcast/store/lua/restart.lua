-- Plan a lane anew, now: its rules have changed. moves: booked > pending, booked > cancelled
-- ARGV[1] instance
-- reply how many booked contacts were given back
local instance = ARGV[1]
local count = start_over(instance)
-- Who is in back-off meets the new rules as well, and who is planning by the old ones finds that somebody was first.
redis.call("HSET", lane_key(instance), "until", 0)
redis.call("HINCRBY", lane_key(instance), "turn", 1)
if redis.call("ZCARD", ready_key(instance)) > 0 then look_at_lane(instance, now_ms()) end
return count
