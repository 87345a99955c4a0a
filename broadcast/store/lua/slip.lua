-- Note that a departure was written late, and push the lane's clock for it, if it was the last.
-- ARGV[1] instance · ARGV[2] campaign · ARGV[3] number · ARGV[4] run · ARGV[5] how late, ms
-- reply 1 pushed | 0 another has departed since, or the contact is not this run's
local instance, campaign, number, run, late_ms = unpack(ARGV)
local contact = contact_key(campaign, number)
local held_run, departed = unpack(redis.call("HMGET", contact, "run", "departed"))
if held_run ~= run then return 0 end
redis.call("HINCRBY", contact, "departed", late_ms)
note_departure(campaign, departed + late_ms, departed)
if redis.call("HGET", lane_key(instance), "left") ~= departed then return 0 end
redis.call("HINCRBY", lane_key(instance), "left", late_ms)
return 1
