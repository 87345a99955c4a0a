-- Pause, resume or cancel a campaign. What is booked goes back to its lane at once; what is sending stays on the wire.
-- moves: booked > pending, booked > cancelled
-- ARGV[1] campaign · ARGV[2] new status · ARGV[3] it may follow (a,b,c) · ARGV[4] why, where no person says so, or ""
-- ARGV[5] the contact of which the gateway says that, or "" · ARGV[6..] the news that it is done for, once each
-- reply {1 done or was so already | 0 cannot be from here, status, sending, instance}, or false: no such campaign
local campaign, to, may_follow, because, number = unpack(ARGV, 1, 5)
local status, instance = unpack(redis.call("HMGET", campaign_key(campaign), "status", "instance"))
if not is_there(status) then return false end
local sending = tonumber(redis.call("HGET", tally_key(campaign), "sending") or 0)
local done = is_first_told(instance, given_from(6)) and steer(campaign, to, may_follow, because, number)
return { done and 1 or 0, redis.call("HGET", campaign_key(campaign), "status"), sending, instance }
