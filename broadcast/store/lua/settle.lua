-- Apply receipts, each if it is news. One for an id that nobody knows yet is parked for a while.
-- A receipt of an earlier attempt may find its contact waiting to be sent again: then it need not be.
-- ARGV[1] instance · ARGV[2] how long to park a receipt, s · ARGV[3] how long an id is kept, s
-- ARGV[4] what Meta calls the instance's account, where the call says, or ""
-- ARGV[5..] per receipt: message id, new status, it may follow (a,b,c), reason or "", detail or "",
--           "1" for a failure that nobody explained, the campaign is paused if it is in one of these (a,b,c) or "" (of a
--           parked one; who knows whose it is asks for that), our reference or "": campaign:number/edition, or from an
--           earlier version campaign:number, so many like this one in a row, none of one that went out between, pause
--           the campaign, or 0, and because
-- reply {{"moved" | "kept" | "parked", campaign:number or "", what stands for a failure not acted on yet or ""}, ...}
local instance, park_s, keep_s, account = unpack(ARGV, 1, 4)
if account ~= "" and redis.call("EXISTS", lane_key(instance)) == 1 then
  redis.call("HSET", lane_key(instance), "account", account)
end

-- The contact that a reference of ours names, if it is one of this instance; it learns its id. But where an earlier attempt
-- left under an id that nobody knows, a failure is of that one, as likely as not: it says nothing of the next.
-- It may be of a campaign that was removed, whose name is used anew: its edition tells, the moment of its creation. Without
-- one, it is taken where nothing speaks for the earlier campaign.
local function by_reference(reference, message_id, to)
  local ref, edition = string.match(reference, "^(.*)/(%d+)%.%d+$")
  ref = ref or reference
  local campaign, number = parts(ref)
  if not campaign then return false end
  local sends, created = unpack(redis.call("HMGET", campaign_key(campaign), "instance", "created_ms"))
  if sends ~= instance or (edition and edition ~= created) then return false end
  local contact = contact_key(campaign, number)
  local departed, known_id = unpack(redis.call("HMGET", contact, "departed", "message_id"))
  if not departed or (not edition and known_id and known_id ~= message_id) then return false end
  -- Of who was forgotten, no id is learned anew: some have the number in them.
  if redis.call("HEXISTS", contact, "forgotten") == 1 then return ref end
  local is_of_any = redis.call("HEXISTS", contact, "nameless") == 1
  if known_id or (to == "failed" and is_of_any) then
    put_aside(contact, message_id)
  else
    go_by(contact, message_id)
  end
  redis.call("SET", message_key(instance, message_id), ref, "EX", keep_s)
  return ref
end

local function apply(message_id, to, may_follow, reason, detail, is_unexplained, halts_from, reference, most, because)
  local ref = redis.call("GET", message_key(instance, message_id)) or by_reference(reference, message_id, to)
  if ref then
    local word = receive(instance, ref, message_id, to, may_follow, reason, detail, is_unexplained, most, because)
    return { word, ref }
  end
  local receipt = cjson.encode({ to, may_follow, reason, detail, is_unexplained, halts_from, most, because })
  redis.call("RPUSH", parked_key(instance, message_id), receipt)
  redis.call("EXPIRE", parked_key(instance, message_id), park_s)
  redis.call("ZADD", strays_key(), "NX", now_ms() + park_s * 1000, instance .. "/" .. message_id)
  return { "parked", "" }
end

local words = {}
for i = 5, #ARGV, 10 do
  local message_id, to, _, reason = unpack(ARGV, i, i + 3)
  local word = apply(unpack(ARGV, i, i + 9))
  local news = to == "failed" and news_name(message_id, reason) or ""
  local is_old = news ~= "" and redis.call("ZSCORE", acted_key(instance), news)
  words[#words + 1] = { word[1], word[2], is_old and "" or news }
end
return words
