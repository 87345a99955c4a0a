-- What is told of a contact's messages, under which ids, and what departed when.

-- Keep with a contact an id that finds it although it goes by another, or by none: whoever erases it must know of all.
local function put_aside(contact, message_id)
  local aside = redis.call("HGET", contact, "aside")
  if aside and string.find(" " .. aside .. " ", " " .. message_id .. " ", 1, true) then return end
  redis.call("HSET", contact, "aside", aside and aside .. " " .. message_id or message_id)
end

-- The contact goes by this id from now on, or ("") by none.
local function go_by(contact, message_id)
  local known = redis.call("HGET", contact, "message_id")
  if known == message_id then return end
  if known then put_aside(contact, known) end
  if message_id == "" then redis.call("HDEL", contact, "message_id") else redis.call("HSET", contact, "message_id", message_id) end
end

-- No id finds the contact any more.
local function forget_ids(instance, contact)
  local known, aside = unpack(redis.call("HMGET", contact, "message_id", "aside"))
  for message_id in string.gmatch((known or "") .. " " .. (aside or ""), "%S+") do
    redis.call("DEL", message_key(instance, message_id))
  end
  redis.call("HDEL", contact, "message_id", "aside")
end

-- An attempt at the contact may have arrived under an id that nobody knows: what is told by our reference may be of it.
local function disown(contact)
  if redis.call("HEXISTS", contact, "message_id") == 0 then redis.call("HSET", contact, "nameless", 1) end
end

-- A contact that is sent again although its last attempt may have arrived: an echo of that may still come.
local function doubt(instance, campaign, number)
  disown(contact_key(campaign, number))
  local departed = redis.call("HGET", contact_key(campaign, number), "departed")
  redis.call("ZADD", doubtful_key(instance), departed or now_ms(), campaign .. ":" .. number)
end

-- Note a departure in the campaign's record; `instead_of` is the one that it takes the place of, or false. That is among
-- the last thousand: a run that sleeps for longer than those take has lost its contact.
local function note_departure(campaign, at, instead_of)
  local record, entry = departures_key(campaign), struct.pack("<I8", at)
  local tail = instead_of and redis.call("GETRANGE", record, -8192, -1) or ""
  local was = instead_of and struct.pack("<I8", instead_of)
  for i = #tail - 7, 1, -8 do
    if string.sub(tail, i, i + 7) == was then
      return redis.call("SETRANGE", record, redis.call("STRLEN", record) - #tail + i - 1, entry)
    end
  end
  redis.call("APPEND", record, entry)
end

-- Remember how the last messages of the lane fared: acknowledged once each, or failed without an explanation. Returns
-- whether this one is acknowledged now.
local function remember(instance, contact, to, is_unexplained)
  local is_acked = to ~= "failed" and redis.call("HSETNX", contact, "acked", 1) == 1
  if is_acked or (to == "failed" and is_unexplained == "1") then
    redis.call("LPUSH", recent_key(instance), is_acked and "a" or "e")
    redis.call("LTRIM", recent_key(instance), 0, 19)
  end
  return is_acked
end

-- What stands for a failure that may mean more than its contact. Ids have people's numbers in them, so it is a hash.
local function news_name(message_id, reason)
  return redis.sha1hex(message_id .. " " .. reason)
end

-- Note that these news are acted on; false when all of them were before. A deed without news is a person's, or new by
-- itself. They are kept for as long as a gateway may tell them again.
local function is_first_told(instance, news)
  if #news == 0 then return true end
  local now, kept_ms, is_first = now_ms(), 30 * 86400000, false
  redis.call("ZREMRANGEBYSCORE", acted_key(instance), "-inf", now)
  for _, name in ipairs(news) do
    if redis.call("ZADD", acted_key(instance), "NX", now + kept_ms, name) == 1 then is_first = true end
  end
  redis.call("PEXPIRE", acted_key(instance), kept_ms)
  return is_first
end

-- Of a contact's messages, those that are known to have failed: that one was accepted is no news then, whenever it is told.
local function dead_name(message_id)
  return string.sub(redis.sha1hex(message_id), 1, 16)
end

local function is_dead(contact, message_id)
  return string.find(redis.call("HGET", contact, "dead") or "", dead_name(message_id), 1, true) ~= nil
end

local function bury(contact, message_id)
  if is_dead(contact, message_id) then return end
  redis.call("HSET", contact, "dead", (redis.call("HGET", contact, "dead") or "") .. dead_name(message_id))
end

-- Whether a message left after a person last resumed its campaign, or had some of it sent again. What the gateway has had
-- since before that fails by what may be mended by now.
local function is_of_now(campaign, departed)
  local steered, retried = unpack(redis.call("HMGET", campaign_key(campaign), "steered_ms", "retried_ms"))
  return tonumber(departed or 0) >= math.max(tonumber(steered or 0), tonumber(retried or 0))
end

-- Apply a receipt to the contact that it is about, if it is news. After so many in a row that say that the message fits
-- nobody (`most`; none of another that went out between) the campaign is paused, because. Returns "moved" or "kept", and
-- whether it was.
local function receive(instance, ref, message_id, to, may_follow, reason, detail, is_unexplained, most, because)
  local campaign, number = parts(ref)
  local contact = contact_key(campaign, number)
  local status, known_id, departed = unpack(redis.call("HMGET", contact, "status", "message_id", "departed"))
  if not status then return "kept" end
  if to == "failed" then bury(contact, message_id) end
  if to == "failed" and known_id ~= message_id or to == "sent" and is_dead(contact, message_id) then return "kept" end
  local is_news = has(may_follow, status)
  if (is_news or to ~= "failed") and remember(instance, contact, to, is_unexplained) then
    redis.call("HDEL", campaign_key(campaign), "misfits_told")
  end
  if not is_news then return "kept" end

  if status == "booked" then let_go(instance, campaign, number) end
  redis.call("ZREM", sending_key(instance), ref)
  if reason ~= "" then
    if is_forgotten(campaign, number) then detail = "" end
    redis.call("HSET", contact, "reason", reason, "detail", detail)
    note_error(campaign, number, reason, detail)
  else
    redis.call("HDEL", contact, "reason", "detail")
  end
  move(campaign, number, status, to)
  if to ~= "failed" then end_if_paused(campaign) end  -- who has failed may be tried again: the gateway was busy
  return "moved", is_of_now(campaign, departed) and misfit(campaign, number, "misfits_told", most, because)
end

-- Pause the campaign of which a receipt says that it can be sent to nobody, once. Returns whether that changed it.
local function halt(instance, ref, message_id, reason, detail, halts_from)
  if (halts_from or "") == "" or not is_first_told(instance, { news_name(message_id, reason) }) then return false end
  local campaign, number = parts(ref)
  local was_paused = redis.call("HGET", campaign_key(campaign), "status") == "paused"
  return steer(campaign, "paused", halts_from, with_words(reason, detail), number) and not was_paused
end

-- Apply the receipts that came before their id was known. Returns "halted" when one of them paused the campaign, "failed"
-- when one is a failure that nobody explained, else false.
local function receive_parked(instance, ref, message_id)
  local parked, word = redis.call("LRANGE", parked_key(instance, message_id), 0, -1), false
  if #parked == 0 then return false end
  for _, text in ipairs(parked) do
    local to, may_follow, reason, detail, is_unexplained, halts_from, most, because = unpack(cjson.decode(text))
    local _, is_paused =
      receive(instance, ref, message_id, to, may_follow, reason, detail, is_unexplained, most, because)
    if halt(instance, ref, message_id, reason, detail, halts_from) or is_paused then
      word = "halted"
    elseif is_unexplained == "1" then
      word = word or "failed"
    end
  end
  redis.call("DEL", parked_key(instance, message_id))
  redis.call("ZREM", strays_key(), instance .. "/" .. message_id)
  return word
end

-- An echo proves that the contact's message left, under this id: it is sent, and need not be sent again if it waits for that.
-- Returns "moved", or what the receipts said that came before.
local function clear_up(instance, campaign, number, status, message_id)
  local ref = campaign .. ":" .. number
  redis.call("HDEL", contact_key(campaign, number), "reason", "detail")
  if status == "booked" then let_go(instance, campaign, number) end
  redis.call("ZREM", sending_key(instance), ref)
  redis.call("ZREM", doubtful_key(instance), ref)
  move(campaign, number, status, "sent")
  return receive_parked(instance, ref, message_id) or "moved"
end
