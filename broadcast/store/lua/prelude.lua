-- Stands before every script: the clock, the move that keeps the tally true, and the way back to the lane.

-- Redis's own clock, so that all workers on all hosts share one. Whole ms; `now_us` where a wait is measured.
local function now_us()
  local time = redis.call("TIME")
  return time[1] * 1000000 + time[2]
end

local function now_ms()
  return math.floor(now_us() / 1000)
end

local function has(list, word)
  for item in string.gmatch(list, "[^,]+") do
    if item == word then return true end
  end
  return false
end

local is_passing = { pending = true, booked = true, sending = true }
-- Those of a campaign that somebody asks about, and may have sent again: listed, so that nobody has to look for them.
local is_listed = { failed = true, unconfirmed = true }

-- Whether a campaign of this status can be seen: it is accepted, and not being removed.
local function is_there(status)
  return status and status ~= "staging" and status ~= "removing"
end

-- Whether a person wants no more messages. Of who was forgotten, the list has a hash alone.
local function is_suppressed(identity)
  return redis.call("HEXISTS", suppressed_key(), identity) == 1
    or redis.call("HEXISTS", suppressed_key(), redis.sha1hex(identity)) == 1
end

-- Told to the CRM; defined below, since news of a campaign shows all of it.
local tell, tell_of_contact

local function parts(ref)
  return string.match(ref, "^(.*):(%d+)$")
end

-- Keep the lists that a move into or out of failed and unconfirmed concerns.
local function relist(campaign, number, from, to)
  if is_listed[from] then redis.call("ZREM", listed_key(campaign, from), number) end
  if is_listed[to] then redis.call("ZADD", listed_key(campaign, to), number, number) end
  if from ~= "unconfirmed" and to ~= "unconfirmed" then return end
  local doubtful = doubtful_key(redis.call("HGET", campaign_key(campaign), "instance"))
  -- One that is sent again stays in doubt: an echo of the earlier attempt may still come.
  if from == "unconfirmed" and to ~= "pending" then redis.call("ZREM", doubtful, campaign .. ":" .. number) end
  if to == "unconfirmed" then
    local departed = redis.call("HGET", contact_key(campaign, number), "departed")
    redis.call("ZADD", doubtful, departed or now_ms(), campaign .. ":" .. number)
  end
end

-- A campaign's tally or state changes: who follows it learns so by its revision.
local function revise(campaign)
  redis.call("HINCRBY", campaign_key(campaign), "rev", 1)
end

-- Move one contact and the tally in the same breath; more fields may be written with it. Where it comes to rest, the
-- time is kept as `at_<status>`.
local function move(campaign, number, from, to, ...)
  redis.call("HSET", contact_key(campaign, number), "status", to, ...)
  if not is_passing[to] then redis.call("HSET", contact_key(campaign, number), "at_" .. to, now_ms()) end
  redis.call("HINCRBY", tally_key(campaign), from, -1)
  redis.call("HINCRBY", tally_key(campaign), to, 1)
  revise(campaign)
  if is_listed[from] or is_listed[to] then relist(campaign, number, from, to) end
  if is_listed[to] then tell_of_contact(campaign, number, to) end
end

local function let_go(instance, campaign, number)
  local ref = campaign .. ":" .. number
  redis.call("ZREM", booked_key(instance), ref)
  redis.call("ZREM", sending_key(instance), ref)
  redis.call("HDEL", contact_key(campaign, number), "batch", "run", "slot")
end

local function look_at_lane(instance, at)
  redis.call("ZADD", lanes_key(), "LT", at, instance)
end

-- A held contact goes back to its lane, at the front or (due given) at a time; in a cancelled campaign it is cancelled.
local function give_back(instance, campaign, number, from, due)
  let_go(instance, campaign, number)
  if redis.call("HGET", campaign_key(campaign), "status") == "cancelled" then
    return move(campaign, number, from, "cancelled")
  end
  move(campaign, number, from, "pending")
  if due then
    redis.call("ZADD", later_key(campaign), due, number)
  else
    redis.call("LPUSH", pending_key(campaign), number)
  end
  look_at_lane(instance, math.max(due or 0, now_ms()))
end

-- A contact that is sent again although its last attempt may have arrived: an echo of that may still come.
local function doubt(instance, campaign, number)
  local departed = redis.call("HGET", contact_key(campaign, number), "departed")
  redis.call("ZADD", doubtful_key(instance), departed or now_ms(), campaign .. ":" .. number)
end

-- Remember how the last messages of the lane fared: acknowledged once each, or failed without an explanation.
local function remember(instance, contact, to, is_unexplained)
  if to == "failed" then
    if is_unexplained ~= "1" then return end
    redis.call("LPUSH", recent_key(instance), "e")
  elseif redis.call("HSETNX", contact, "acked", 1) == 1 then
    redis.call("LPUSH", recent_key(instance), "a")
  else
    return
  end
  redis.call("LTRIM", recent_key(instance), 0, 19)
end

-- Apply a receipt to the contact that it is about, if it is news. Returns "moved" or "kept".
local function receive(instance, ref, message_id, to, may_follow, reason, detail, is_unexplained)
  local campaign, number = parts(ref)
  local contact = contact_key(campaign, number)
  local status, known_id = unpack(redis.call("HMGET", contact, "status", "message_id"))
  if not status or (to == "failed" and known_id ~= message_id) then return "kept" end
  local is_news = has(may_follow, status)
  if is_news or to ~= "failed" then remember(instance, contact, to, is_unexplained) end
  if not is_news then return "kept" end

  if status == "booked" then let_go(instance, campaign, number) end
  redis.call("ZREM", sending_key(instance), ref)
  if reason ~= "" then
    redis.call("HSET", contact, "reason", reason, "detail", detail)
    redis.call("HSET", campaign_key(campaign), "last_error", detail ~= "" and reason .. ": " .. detail or reason)
  else
    redis.call("HDEL", contact, "reason", "detail")
  end
  move(campaign, number, status, to)
  return "moved"
end

-- Apply the receipts that came before their id was known. Returns whether there was an unexplained failure among them.
local function receive_parked(instance, ref, message_id)
  local parked = redis.call("LRANGE", parked_key(instance, message_id), 0, -1)
  if #parked == 0 then return false end
  local has_failed = false
  for _, text in ipairs(parked) do
    local receipt = cjson.decode(text)
    receive(instance, ref, message_id, unpack(receipt))
    has_failed = has_failed or receipt[5] == "1"
  end
  redis.call("DEL", parked_key(instance, message_id))
  redis.call("ZREM", strays_key(), instance .. "/" .. message_id)
  return has_failed
end

-- The instance's own gap with its jitter, ms; 0 where it has no rules.
local function own_gap(instance)
  local text = redis.call("HGET", instance_key(instance), "rules")
  if not text then return 0 end
  local rules = cjson.decode(text)
  return rules.gap_ms + rules.jitter_ms
end

-- Give back all that a lane's batches hold, the first one in front again; a task that is alive after all finds its
-- contact gone, and the contact has another. Returns how many.
local function start_over(instance)
  local booked = redis.call("ZREVRANGE", booked_key(instance), 0, -1)
  for _, ref in ipairs(booked) do
    local campaign, number = parts(ref)
    give_back(instance, campaign, number, "booked")
  end
  return #booked
end

-- A campaign with nothing left to send is complete. Returns 1 if this call found it so.
local function finish(campaign)
  local status, instance = unpack(redis.call("HMGET", campaign_key(campaign), "status", "instance"))
  if status ~= "running" and status ~= "paused" then return 0 end
  for _, count in ipairs(redis.call("HMGET", tally_key(campaign), "pending", "booked", "sending")) do
    if tonumber(count or 0) > 0 then return 0 end
  end
  redis.call("HSET", campaign_key(campaign), "status", "completed", "finished_ms", now_ms())
  revise(campaign)
  redis.call("ZREM", ready_key(instance), campaign)
  tell(campaign, "completed")
  return 1
end

-- A campaign joins its lane; its first turn comes as if it had just been served, so that newcomers do not push in.
local function join_lane(instance, campaign)
  redis.call("SADD", instances_key(), instance)
  redis.call("HSET", lane_key(instance), "joined_ms", now_ms())
  redis.call("ZADD", ready_key(instance), redis.call("HGET", lane_key(instance), "turn") or 0, campaign)
  look_at_lane(instance, now_ms())
end

-- How many contacts of a campaign could leave now, were there a departure for each.
local function could_leave(campaign)
  return tonumber(redis.call("HGET", tally_key(campaign), "booked") or 0) + redis.call("LLEN", pending_key(campaign))
    + redis.call("ZCOUNT", later_key(campaign), "-inf", now_ms())
end

-- All that the API shows of a campaign, or false when there is none (one still being accepted does not show).
local function look(campaign)
  local order = redis.call("HGETALL", campaign_key(campaign))
  local status, instance = unpack(redis.call("HMGET", campaign_key(campaign), "status", "instance"))
  if not is_there(status) then return false end
  local urgent = 0
  for _, other in ipairs(redis.call("ZRANGE", ready_key(instance), 0, -1)) do
    urgent = math.max(urgent, tonumber(redis.call("HGET", campaign_key(other), "priority") or 0))
  end
  local alive = now_ms() - 15000
  return {
    order,
    redis.call("HGETALL", tally_key(campaign)),
    redis.call("HGETALL", lane_key(instance)),
    { now_ms(), urgent, redis.call("ZCOUNT", workers_key("broadcast"), alive, "+inf"),
      redis.call("ZCOUNT", workers_key("control"), alive, "+inf"), could_leave(campaign), own_gap(instance) },
  }
end

-- How long a callback is kept when it is done, and while it waits, s.
local done_s, waits_s = 7 * 86400, 8 * 86400
local is_unshown = { content = true, digest = true, callback_url = true, callback_host = true,
  values = true, phone = true, told = true }

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

-- Tell of a campaign, as all of it stands now, and of its progress from now on.
function tell(campaign, kind)
  if redis.call("HEXISTS", campaign_key(campaign), "callback_host") == 0 then return end
  local seen = look(campaign)
  seen[1] = shown(campaign_key(campaign))
  local number = write_news(campaign, "campaign." .. kind, cjson.encode(seen))
  if not number then return end
  redis.call("HSET", callbacks_key(campaign), "resting", resting(campaign))
  if kind == "progress" then redis.call("HSET", callbacks_key(campaign), "progress", number) end
  redis.call("ZADD", reported_key(), "NX", now_ms() + 10000, campaign)
end

-- Tell of one contact, as it stands now.
function tell_of_contact(campaign, number, status)
  if redis.call("HEXISTS", campaign_key(campaign), "callback_host") == 0 then return end
  local seen = { tonumber(number), shown(contact_key(campaign, number)) }
  local news = write_news(campaign, "contact." .. status, cjson.encode(seen))
  if news then redis.call("HSET", contact_key(campaign, number), "told", news) end
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
  for i = 1, #numbers, 2 do redis.call("DEL", callback_key(campaign, numbers[i])) end
  return redis.call("ZCARD", told_key(campaign))
end
