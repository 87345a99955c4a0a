-- Apply receipts, each if it is news. One for an id that nobody knows yet is parked for a while.
-- A receipt of an earlier attempt may find its contact waiting to be sent again: then it need not be.
-- ARGV[1] instance · ARGV[2] how long to park a receipt, s · ARGV[3] how long an id is kept, s
-- ARGV[4..] per receipt: message id, new status, it may follow (a,b,c), reason or "", detail or "",
--           "1" for a failure that nobody explained, our reference or ""
-- reply {{"moved" | "kept" | "parked", campaign:number or ""}, ...}
local instance, park_s, keep_s = unpack(ARGV, 1, 3)

-- The contact that a reference of ours names, if it is one of this instance; it learns its id. But a failure of a contact
-- that was sent to again is one of an earlier attempt, as likely as not: it says nothing of the next.
local function by_reference(reference, message_id, to)
  local campaign, number = parts(reference)
  if not campaign or redis.call("HGET", campaign_key(campaign), "instance") ~= instance then return false end
  local contact = contact_key(campaign, number)
  if redis.call("EXISTS", contact) == 0 then return false end
  -- Of who was forgotten, no id is learned anew: some have the number in them.
  if redis.call("HEXISTS", contact, "forgotten") == 1 then return reference end
  local was_retried = redis.call("HEXISTS", contact, "retried") == 1
  if not (to == "failed" and was_retried) then redis.call("HSETNX", contact, "message_id", message_id) end
  redis.call("SET", message_key(instance, message_id), reference, "EX", keep_s)
  return reference
end

local function apply(message_id, to, may_follow, reason, detail, is_unexplained, reference)
  local ref = redis.call("GET", message_key(instance, message_id)) or by_reference(reference, message_id, to)
  if ref then
    return { receive(instance, ref, message_id, to, may_follow, reason, detail, is_unexplained), ref }
  end
  local receipt = cjson.encode({ to, may_follow, reason, detail, is_unexplained })
  redis.call("RPUSH", parked_key(instance, message_id), receipt)
  redis.call("EXPIRE", parked_key(instance, message_id), park_s)
  redis.call("ZADD", strays_key(), "NX", now_ms() + park_s * 1000, instance .. "/" .. message_id)
  return { "parked", "" }
end

local words = {}
for i = 4, #ARGV, 7 do words[#words + 1] = apply(unpack(ARGV, i, i + 6)) end
return words
