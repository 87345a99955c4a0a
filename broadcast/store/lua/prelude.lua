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

-- Move one contact and the tally in the same breath; more fields may be written with it. Where it comes to rest, the
-- time is kept as `at_<status>`.
local function move(campaign, number, from, to, ...)
  redis.call("HSET", contact_key(campaign, number), "status", to, ...)
  if not is_passing[to] then redis.call("HSET", contact_key(campaign, number), "at_" .. to, now_ms()) end
  redis.call("HINCRBY", tally_key(campaign), from, -1)
  redis.call("HINCRBY", tally_key(campaign), to, 1)
  if is_listed[from] or is_listed[to] then relist(campaign, number, from, to) end
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
local function remember(instance, contact, status, to, is_unexplained)
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

-- Apply a receipt to the contact that it is about, if it is news. Returns "moved" or "kept".
local function receive(instance, ref, message_id, to, may_follow, reason, detail, is_unexplained)
  local campaign, number = parts(ref)
  local contact = contact_key(campaign, number)
  local status, known_id = unpack(redis.call("HMGET", contact, "status", "message_id"))
  if not status or (to == "failed" and known_id ~= message_id) then return "kept" end
  remember(instance, contact, status, to, is_unexplained)
  if not has(may_follow, status) then return "kept" end

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

-- Apply the receipts that came before their id was known.
local function receive_parked(instance, ref, message_id)
  local parked = redis.call("LRANGE", parked_key(instance, message_id), 0, -1)
  if #parked == 0 then return end
  for _, text in ipairs(parked) do receive(instance, ref, message_id, unpack(cjson.decode(text))) end
  redis.call("DEL", parked_key(instance, message_id))
  redis.call("ZREM", strays_key(), instance .. "/" .. message_id)
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
  redis.call("ZREM", ready_key(instance), campaign)
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
