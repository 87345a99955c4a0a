-- What the CRM is told, and what became of it.

-- How long a callback is kept when it is done, and while it waits, s.
local done_s, waits_s = 7 * 86400, 8 * 86400
local is_unshown = { content = true, digest = true, callback_url = true, callback_host = true,
  values = true, phone = true, told = true, aside = true, dead = true, last_error_of = true, because_of = true }
-- What a callback shows of a gateway's words about somebody, and of their number, which some have in their ids: how much
-- of each may stay.
local function nothing() return nil end
local stays = { last_error = bare, because = bare, detail = nothing, under_detail = nothing, message_id = nothing }

-- A hash as JSON, without what news need not show.
local function shown(key)
  local fields, kept = redis.call("HGETALL", key), {}
  for i = 1, #fields, 2 do
    if not is_unshown[fields[i]] then
      kept[#kept + 1] = fields[i]
      kept[#kept + 1] = fields[i + 1]
    end
  end
  return kept
end

-- The id of a callback: the same at every attempt, and of no other campaign, not even a later one of the same name.
local function callback_id(campaign, number)
  local created = redis.call("HGET", campaign_key(campaign), "created_ms")
  return "cb_" .. string.sub(redis.sha1hex(campaign .. "/" .. created), 1, 20) .. "_" .. number
end

-- A callback as lists show it, with no next attempt; false where it is kept no longer.
local function callback_row(campaign, number)
  local kind, state, at, attempts, http, err, done = unpack(redis.call("HMGET", callback_key(campaign, number),
    "kind", "state", "at_ms", "attempts", "http", "error", "done_ms"))
  if not kind then return false end
  if state == "waiting" and not redis.call("ZSCORE", outbox_key(campaign), number) then state = "failed" end
  return { callback_id(campaign, number), kind, state, tonumber(at), tonumber(attempts or 0), http or "", err or "",
    tonumber(done or 0), 0 }
end

-- A callback in the list of all that were given up: those of one campaign at one time stand in their order.
local function given_up_ref(campaign, number)
  return string.format("%s:%012d", campaign, number)
end

-- Give a callback up: only a person has it tried again. It is listed among those of all campaigns, as long as it is kept.
local function give_up(campaign, number)
  local callback, now = callback_key(campaign, number), now_ms()
  redis.call("ZREM", outbox_key(campaign), number)
  redis.call("HINCRBY", callback_tally_key(), "waiting", -1)
  if redis.call("EXISTS", callback) == 0 then return end  -- forgotten before its turn came
  redis.call("HINCRBY", callback_tally_key(), "failed", 1)
  redis.call("HSET", callback, "state", "failed", "done_ms", now)
  redis.call("EXPIRE", callback, done_s)
  redis.call("ZREMRANGEBYSCORE", given_up_key(), "-inf", now - done_s * 1000)
  redis.call("ZADD", given_up_key(), now, given_up_ref(campaign, number))
  redis.call("EXPIRE", given_up_key(), done_s)
end

local function look_at_host(host, at)
  redis.call("ZADD", hosts_key(), "LT", at, host)
end

-- Write a callback into the outbox, if the CRM wants any. Returns its number, or false.
local function write_news(campaign, kind, as_json)
  local host = redis.call("HGET", campaign_key(campaign), "callback_host")
  if not host or redis.call("HEXISTS", callbacks_key(campaign), "off") == 1 then return false end
  local now, number = now_ms(), redis.call("HINCRBY", callbacks_key(campaign), "last", 1)
  redis.call("HSET", callback_key(campaign, number), "kind", kind, "at_ms", now, "since_ms", now,
    "state", "waiting", "shown", as_json)
  redis.call("EXPIRE", callback_key(campaign, number), waits_s)
  redis.call("ZADD", outbox_key(campaign), number, number)
  redis.call("ZADD", told_key(campaign), number, number)
  for _, key in ipairs({ outbox_key(campaign), told_key(campaign), callbacks_key(campaign) }) do
    redis.call("EXPIRE", key, waits_s + done_s)
  end
  redis.call("HINCRBY", callback_tally_key(), "waiting", 1)
  redis.call("ZADD", calling_key(host), "NX", now, campaign)  -- in back-off it stays
  look_at_host(host, now)
  return number
end

-- Take back a callback that nobody has begun to deliver.
local function untell(campaign, number)
  if not number or redis.call("HGET", callbacks_key(campaign), "flight") == number then return end
  if redis.call("ZREM", outbox_key(campaign), number) == 0 then return end
  redis.call("ZREM", told_key(campaign), number)
  redis.call("DEL", callback_key(campaign, number))
  redis.call("HINCRBY", callback_tally_key(), "waiting", -1)
end

-- How the contacts rest, in a word; it changes when there is progress to tell.
local function resting(campaign)
  local counts = redis.call("HMGET", tally_key(campaign), "sent", "delivered", "read", "failed", "skipped",
    "cancelled", "unconfirmed")
  for i, count in ipairs(counts) do counts[i] = count or "0" end
  return table.concat(counts, ",")
end

-- Keep whose words a callback has, so that they are found if that person is to be forgotten. It is looked through for what
-- is kept no longer each time that it has grown by so many.
local function note_words(campaign, number)
  local instance, said_of, because_of =
    unpack(redis.call("HMGET", campaign_key(campaign), "instance", "last_error_of", "because_of"))
  local of, under_of = unpack(redis.call("HMGET", lane_key(instance), "detail_of", "under_detail_of"))
  local function note(ref)
    redis.call("SADD", spoken_key(ref), campaign .. ":" .. number)
    redis.call("EXPIRE", spoken_key(ref), waits_s + done_s)
    if redis.call("SCARD", spoken_key(ref)) % 500 > 0 then return end
    for _, callback in ipairs(redis.call("SMEMBERS", spoken_key(ref))) do
      if redis.call("EXISTS", callback_key(parts(callback))) == 0 then redis.call("SREM", spoken_key(ref), callback) end
    end
  end
  if (said_of or "") ~= "" then note(campaign .. ":" .. said_of) end
  if (because_of or "") ~= "" then note(campaign .. ":" .. because_of) end
  if (of or "") ~= "" then note(of) end
  if (under_of or "") ~= "" then note(under_of) end
end

-- Take a gateway's words out of a callback; the reasons stay.
local function hush_callback(campaign, number)
  local callback = callback_key(campaign, number)
  local text = redis.call("HGET", callback, "shown")
  if not text then return end
  local function hushed(fields)
    if type(fields) ~= "table" or type(fields[1]) ~= "string" then return fields end
    local kept = {}
    for i = 1, #fields, 2 do
      local name, value = fields[i], fields[i + 1]
      if stays[name] then value = stays[name](value) end
      if value ~= nil then kept[#kept + 1], kept[#kept + 2] = name, value end
    end
    return kept
  end
  local seen = cjson.decode(text)
  for i, fields in ipairs(seen) do seen[i] = hushed(fields) end
  redis.call("HSET", callback, "shown", cjson.encode(seen))
end

-- Nothing of what the gateway said of a contact is left beyond it: in its campaign, in its lane, in what was told. Of what
-- an earlier version kept nobody knows whose it was.
local function hush(instance, campaign, number)
  local ref, is_news = campaign .. ":" .. number, false
  local function take_out(key, field, whose)
    local text, of = unpack(redis.call("HMGET", key, field, field .. "_of"))
    if (text or "") == "" or (of and of ~= whose) then return end
    redis.call("HSET", key, field, stays[field](text) or "", field .. "_of", "")
    is_news = true
  end
  take_out(campaign_key(campaign), "last_error", tostring(number))
  take_out(campaign_key(campaign), "because", tostring(number))
  take_out(lane_key(instance), "detail", ref)
  take_out(lane_key(instance), "under_detail", ref)
  for _, callback in ipairs(redis.call("SMEMBERS", spoken_key(ref))) do hush_callback(parts(callback)) end
  redis.call("DEL", spoken_key(ref))
  for told in string.gmatch(redis.call("HGET", contact_key(campaign, number), "told") or "", "%d+") do
    hush_callback(campaign, told)
  end
  if is_news then revise(campaign) end  -- who follows it is shown it without them
end

-- Tell of a campaign, as all of it stands now, and of its progress from now on.
function tell(campaign, kind)
  if redis.call("HEXISTS", campaign_key(campaign), "callback_host") == 0 then return end
  local seen = look(campaign)
  seen[1] = shown(campaign_key(campaign))
  local number = write_news(campaign, "campaign." .. kind, cjson.encode(seen))
  if not number then return end
  note_words(campaign, number)
  redis.call("HSET", callbacks_key(campaign), "resting", resting(campaign))
  if kind == "progress" then redis.call("HSET", callbacks_key(campaign), "progress", number) end
  redis.call("ZADD", reported_key(), "NX", now_ms() + 10000, campaign)
end

-- Tell of one contact, as it stands now.
function tell_of_contact(campaign, number, status)
  if redis.call("HEXISTS", campaign_key(campaign), "callback_host") == 0 then return end
  local seen = { tonumber(number), shown(contact_key(campaign, number)) }
  local news = write_news(campaign, "contact." .. status, cjson.encode(seen))
  if not news then return end
  local told = redis.call("HGET", contact_key(campaign, number), "told")
  redis.call("HSET", contact_key(campaign, number), "told", told and told .. " " .. news or news)
end

-- The last callback that told of a contact, or nil.
local function last_told(contact)
  return string.match(redis.call("HGET", contact, "told") or "", "%d+$")
end

-- A CRM's host is called no more for now: it is looked at again when something is due and its rest is over.
local function hang_up(host)
  redis.call("HDEL", host_key(host), "held")
  redis.call("ZREM", called_key(), host)
  local due = redis.call("ZRANGE", calling_key(host), 0, 0, "WITHSCORES")[2]
  if not due then
    redis.call("EXPIRE", host_key(host), waits_s)
    return redis.call("ZREM", hosts_key(), host)
  end
  local rest = tonumber(redis.call("HGET", host_key(host), "rest") or 0)
  redis.call("ZADD", hosts_key(), math.max(tonumber(due), rest, now_ms() + 1), host)  -- behind those that wait already
end

-- Nothing more is told of a campaign; what was told is forgotten, so many callbacks at a time. Returns how many are left.
local function forget_callbacks(campaign, most)
  redis.call("HINCRBY", callback_tally_key(), "waiting", 0 - redis.call("ZCARD", outbox_key(campaign)))
  redis.call("DEL", outbox_key(campaign), callbacks_key(campaign))
  redis.call("ZREM", reported_key(), campaign)
  local numbers = redis.call("ZPOPMIN", told_key(campaign), most)
  for i = 1, #numbers, 2 do
    redis.call("DEL", callback_key(campaign, numbers[i]))
    redis.call("ZREM", given_up_key(), given_up_ref(campaign, numbers[i]))
  end
  return redis.call("ZCARD", told_key(campaign))
end
