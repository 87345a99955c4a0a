-- Blank one person's contacts in every campaign, some at a time; what still waits is left out, and what is on the wire is
-- waited for. moves: pending > skipped, booked > skipped
-- ARGV[1] token of the wish · ARGV[2] how many contacts to look at, at the most
-- reply {"on" there is more | "wire" a request is on the wire: ask again later | "done", how many are blanked by now}
local token, most = ARGV[1], tonumber(ARGV[2])
local wish = forget_key(token)
local phones, sought, identity, campaign, at, number, blanked =
  unpack(redis.call("HMGET", wish, "phones", "sought", "identity", "campaign", "at", "number", "blanked"))
if not phones then
  redis.call("ZREM", forgetting_key(), token)
  return { "done", 0 }
end
phones, number, blanked = cjson.decode(phones), tonumber(number), tonumber(blanked)
sought = cjson.decode(sought or "{}")

-- The campaign after this one by age; where this one was removed meanwhile, the first that is not older.
local function next_campaign()
  local rank = campaign ~= "" and redis.call("ZRANK", campaigns_key(), campaign)
  local next_one
  if campaign == "" then
    next_one = redis.call("ZRANGE", campaigns_key(), 0, 0, "WITHSCORES")
  elseif rank then
    next_one = redis.call("ZRANGE", campaigns_key(), rank + 1, rank + 1, "WITHSCORES")
  else
    next_one = redis.call("ZRANGEBYSCORE", campaigns_key(), at, "+inf", "WITHSCORES", "LIMIT", 0, 1)
  end
  campaign, at, number = next_one[1], next_one[2], 0
  if not campaign or not identity then return end  -- an earlier version's wish has none
  -- Whoever adds them to an open campaign again still finds them there; see add.lua.
  if redis.call("SREM", identities_key(campaign), identity) == 1 then
    redis.call("SADD", identities_key(campaign), token)
  end
end

local function leave_out(instance, contact, status)
  let_go(instance, campaign, number)
  redis.call("HSET", contact, "reason", "forgotten")
  move(campaign, number, status, "skipped")
  look_at_lane(instance, now_ms())
end

-- False where its request is on the wire: the worker has the number in hand, and the contact may come back to the lane.
local function blank(masked)
  local contact = contact_key(campaign, number)
  local status = redis.call("HGET", contact, "status")
  local instance = redis.call("HGET", campaign_key(campaign), "instance")
  if status == "sending" then return false end
  if is_passing[status] then leave_out(instance, contact, status) end
  forget_ids(instance, contact)
  for name in pairs(is_listed) do redis.call("ZREM", listed_key(campaign, name), number) end
  redis.call("ZREM", doubtful_key(instance), campaign .. ":" .. number)
  redis.call("HSET", contact, "phone", masked, "forgotten", 1)
  redis.call("HDEL", contact, "values", "detail")
  hush(instance, campaign, number)
  blanked = blanked + 1
  return true
end

-- What is to stand for the number of the contact, if it is theirs, or is somewhere in what was taken for no number.
local function mask_of(contact)
  local phone, reason = unpack(redis.call("HMGET", contact, "phone", "reason"))
  if phones[phone] or reason ~= "invalid_phone" then return phones[phone] end
  local digits = string.gsub(phone, "%D", "")
  for form, masked in pairs(sought) do
    if string.find(digits, form, 1, true) then return masked end
  end
end

local function keep(word)
  redis.call("HSET", wish, "campaign", campaign, "at", at, "number", number, "blanked", blanked)
  redis.call("ZADD", forgetting_key(), now_ms(), token)
  return { word, blanked }
end

local total = tonumber(campaign ~= "" and redis.call("HGET", campaign_key(campaign), "total") or 0)
for _ = 1, most do
  if number >= total then
    next_campaign()
    if not campaign then
      redis.call("DEL", wish)
      redis.call("ZREM", forgetting_key(), token)
      note_rewrite(true)
      return { "done", blanked }
    end
    total = tonumber(redis.call("HGET", campaign_key(campaign), "total") or 0)
  else
    local masked = mask_of(contact_key(campaign, number))
    if masked and not blank(masked) then return keep("wire") end
    number = number + 1
  end
end
return keep("on")
