-- An echo has an id that we know already: one that we chose, or learned from an answer. If it is what the contact goes by and
-- nobody knew how that ended, the message is sent. Not if it is known to have failed, which is later news.
-- moves: sending > sent, unconfirmed > sent, pending > sent, booked > sent, skipped > sent, cancelled > sent
-- ARGV[1] instance · ARGV[2] message id of the echo · ARGV[3] it may follow (a,b,c)
-- reply "unknown" nobody has the id | "kept" there is nothing to clear up | "moved" | "failed" | "halted", see adopt.lua
local instance, message_id, may_follow = unpack(ARGV)
local ref = redis.call("GET", message_key(instance, message_id))
if not ref then return "unknown" end
local campaign, number = parts(ref)
local contact = contact_key(campaign, number)
local status, known_id = unpack(redis.call("HMGET", contact, "status", "message_id"))
if known_id ~= message_id or is_dead(contact, message_id) then return "kept" end
if not status or not has(may_follow, status) then return "kept" end
return clear_up(instance, campaign, number, status, message_id)
