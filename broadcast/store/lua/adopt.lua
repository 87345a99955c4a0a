-- A contact whose outcome nobody knew left under this id: it is sent, and need not be sent again if it waits for that.
-- moves: sending > sent, unconfirmed > sent, pending > sent, booked > sent, skipped > sent, cancelled > sent
-- ARGV[1] instance · ARGV[2] campaign · ARGV[3] number · ARGV[4] message id · ARGV[5] it may follow (a,b,c)
-- ARGV[6] how long the id is kept, s
-- reply "moved" | "failed" moved, and a failure that nobody explained had come before | "halted" one had come that paused
-- the campaign | "kept" its outcome, or the id, is known by now
local instance, campaign, number, message_id, may_follow, keep_s = unpack(ARGV)
local contact = contact_key(campaign, number)
local status, known_id = unpack(redis.call("HMGET", contact, "status", "message_id"))
if known_id or redis.call("EXISTS", message_key(instance, message_id)) == 1 then return "kept" end
if not status or not has(may_follow, status) then return "kept" end

redis.call("HSET", contact, "message_id", message_id)
redis.call("SET", message_key(instance, message_id), campaign .. ":" .. number, "EX", keep_s)
return clear_up(instance, campaign, number, status, message_id)
