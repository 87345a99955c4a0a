-- Apply one receipt, if it is news. One for an id that nobody knows yet is parked for a while.
-- ARGV[1] instance · ARGV[2] message id · ARGV[3] new status · ARGV[4] it may follow (a,b,c) · ARGV[5] reason or ""
-- ARGV[6] the receipt as JSON · ARGV[7] how long to park it, s
-- reply {"moved", campaign, previous} | {"kept", status} | {"parked"}
local instance, message_id, to, may_follow, reason, receipt, park_s = unpack(ARGV)
local ref = redis.call("GET", message_key(instance, message_id))
if not ref then
  redis.call("RPUSH", parked_key(instance, message_id), receipt)
  redis.call("EXPIRE", parked_key(instance, message_id), park_s)
  return { "parked" }
end
local campaign, number = string.match(ref, "^(.*):(%d+)$")
local contact = contact_key(campaign, number)
local status = redis.call("HGET", contact, "status")
if not status or not has(may_follow, status) then return { "kept", status or "unknown" } end

redis.call("ZREM", sending_key(instance), ref)
if reason ~= "" then
  redis.call("HSET", contact, "reason", reason)
  redis.call("HSET", campaign_key(campaign), "last_error", reason)
end
move(campaign, number, status, to)
return { "moved", campaign, status }
