-- A contact whose outcome nobody knew left under this id: it is sent. moves: sending > sent, unconfirmed > sent
-- ARGV[1] instance · ARGV[2] campaign · ARGV[3] number · ARGV[4] message id · ARGV[5] it may follow (a,b,c)
-- ARGV[6] how long the id is kept, s
-- reply {parked receipts as JSON}, or false: its outcome, or the id, is known by now
local instance, campaign, number, message_id, may_follow, keep_s = unpack(ARGV)
local contact = contact_key(campaign, number)
local status, known_id = unpack(redis.call("HMGET", contact, "status", "message_id"))
if known_id or redis.call("EXISTS", message_key(instance, message_id)) == 1 then return false end
if (status ~= "sending" and status ~= "unconfirmed") or not has(may_follow, status) then return false end

redis.call("HSET", contact, "message_id", message_id)
redis.call("HDEL", contact, "reason", "detail")
redis.call("SET", message_key(instance, message_id), campaign .. ":" .. number, "EX", keep_s)
redis.call("ZREM", sending_key(instance), campaign .. ":" .. number)
move(campaign, number, status, "sent")
return unpark(instance, message_id)
