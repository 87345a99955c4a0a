-- Apply receipts, each if it is news. One for an id that nobody knows yet is parked for a while.
-- A receipt of an earlier attempt may find its contact waiting to be sent again: then it need not be.
-- ARGV[1] instance · ARGV[2] how long to park a receipt, s · ARGV[3] how long an id is kept, s
-- ARGV[4..] per receipt: message id, new status, it may follow (a,b,c), reason or "", detail or "",
--           our reference or "", the receipt as JSON, "1" for a failure that nobody explained
-- reply {{"moved" | "kept" | "parked", campaign:number or ""}, ...}
local instance, park_s, keep_s = unpack(ARGV, 1, 3)

-- The contact that a reference of ours names, if it is one of this instance; it learns its id.
local function by_reference(reference, message_id)
  local campaign, number = parts(reference)
  if not campaign or redis.call("HGET", campaign_key(campaign), "instance") ~= instance then return false end
  if redis.call("EXISTS", contact_key(campaign, number)) == 0 then return false end
  -- Of who was forgotten, no id is learned anew: some have the number in them.
  if redis.call("HEXISTS", contact_key(campaign, number), "forgotten") == 1 then return reference end
  redis.call("HSETNX", contact_key(campaign, number), "message_id", message_id)
  redis.call("SET", message_key(instance, message_id), reference, "EX", keep_s)
  return reference
end

-- Remember how the last messages of the lane fared: acknowledged once each, or failed without an explanation.
local function remember(contact, status, to, is_unexplained)
  if to == "failed" then
    if is_unexplained ~= "1" or status == "failed" then return end
    redis.call("LPUSH", recent_key(instance), "e")
  elseif redis.call("HSETNX", contact, "acked", 1) == 1 then
    redis.call("LPUSH", recent_key(instance), "a")
  else
    return
  end
  redis.call("LTRIM", recent_key(instance), 0, 19)
end

local function apply(message_id, to, may_follow, reason, detail, reference, receipt, is_unexplained)
  local ref = redis.call("GET", message_key(instance, message_id)) or by_reference(reference, message_id)
  if not ref then
    redis.call("RPUSH", parked_key(instance, message_id), receipt)
    redis.call("EXPIRE", parked_key(instance, message_id), park_s)
    redis.call("ZADD", strays_key(), "NX", now_ms() + park_s * 1000, instance .. "/" .. message_id)
    return { "parked", "" }
  end
  local campaign, number = parts(ref)
  local contact = contact_key(campaign, number)
  local status, known_id = unpack(redis.call("HMGET", contact, "status", "message_id"))
  if not status or (to == "failed" and known_id ~= message_id) then return { "kept", ref } end
  remember(contact, status, to, is_unexplained)
  if not has(may_follow, status) then return { "kept", ref } end

  if status == "booked" then let_go(instance, campaign, number) end
  redis.call("ZREM", sending_key(instance), ref)
  if reason ~= "" then
    redis.call("HSET", contact, "reason", reason, "detail", detail)
    redis.call("HSET", campaign_key(campaign), "last_error", detail ~= "" and reason .. ": " .. detail or reason)
  else
    redis.call("HDEL", contact, "reason", "detail")
  end
  move(campaign, number, status, to)
  return { "moved", ref }
end

local words = {}
for i = 4, #ARGV, 8 do words[#words + 1] = apply(unpack(ARGV, i, i + 7)) end
return words
