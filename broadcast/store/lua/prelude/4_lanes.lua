-- Lanes: what holds them, who rests with them, and a contact's way back.

local function look_at_lane(instance, at)
  -- A planner that is long at it goes by when it was to be overdue: that somebody asked meanwhile must show by then, too.
  local due = tonumber(redis.call("ZSCORE", lanes_key(), instance))
  if due and due <= now_ms() then at = math.min(at, due - 1) end
  redis.call("ZADD", lanes_key(), "LT", at, instance)
end

-- The lane's last departure, Unix ms; 0 for none. None is granted further ahead than this: one that seems to be was granted
-- before Redis's clock was set back, and counts as made then.
local function left_at(instance, left, ahead)
  local latest = now_ms() + math.max(ahead, 1000)
  if tonumber(left or 0) <= latest then return tonumber(left or 0) end
  redis.call("HSET", lane_key(instance), "left", latest)
  return latest
end

-- Whatever held a lane holds it no more. Nothing that was missed is caught up.
local function open_lane(instance)
  redis.call("HDEL", lane_key(instance), "hold", "reason", "detail", "detail_of", "held_ms", "found_ms", "health",
    "health_ms", "under", "under_reason", "under_detail", "under_detail_of")
  redis.call("HSET", lane_key(instance), "opened_ms", now_ms())
  if redis.call("DEL", recent_key(instance)) == 1 then redis.call("HSET", lane_key(instance), "heard", 1) end
  look_at_lane(instance, now_ms())
end

-- How a lane is held by its gateway, be it under a person's pause: "closed", "restricted", or false.
local function held_by_gateway(instance)
  local held, under = unpack(redis.call("HMGET", lane_key(instance), "hold", "under"))
  if held == "paused" then return under end
  return held
end

-- The gateway says that an instance cannot send. Under a person's pause that is kept, and holds the lane after it.
-- `of`: whose contact (campaign:number) the detail is about, or "". `is_found`: by the answer to a message, or a receipt.
local function close_lane(instance, hold, reason, detail, of, is_found)
  local lane, now = lane_key(instance), now_ms()
  if redis.call("HGET", lane, "hold") == "paused" then
    redis.call("HSET", lane, "under", hold, "under_reason", reason, "under_detail", detail, "under_detail_of", of)
  else
    redis.call("HSET", lane, "hold", hold, "reason", reason, "detail", detail, "detail_of", of, "held_ms", now)
  end
  if is_found then redis.call("HSET", lane, "found_ms", now) end
end

-- The gateway says that an instance can send again: a pause stands, with nothing under it.
local function clear_lane(instance)
  if redis.call("HGET", lane_key(instance), "hold") ~= "paused" then return open_lane(instance) end
  redis.call("HDEL", lane_key(instance), "under", "under_reason", "under_detail", "under_detail_of", "found_ms")
end

-- Another gateway tells of the instance from now on, by its own clock.
local function forget_clock(instance)
  redis.call("HDEL", lane_key(instance), "news_ms", "heard_ms", "news_at", "behind_ms", "clock")
end

-- A person pauses an instance. What its gateway said is kept under that.
local function pause_lane(instance, reason, detail)
  local lane = lane_key(instance)
  local held, why, what, of = unpack(redis.call("HMGET", lane, "hold", "reason", "detail", "detail_of"))
  if held and held ~= "paused" then
    redis.call("HSET", lane, "under", held, "under_reason", why or "", "under_detail", what or "")
    if of then redis.call("HSET", lane, "under_detail_of", of) end
  end
  redis.call("HSET", lane, "hold", "paused", "reason", reason, "detail", detail, "detail_of", "", "held_ms", now_ms())
end

-- A person opens an instance: what its gateway said under their pause holds it now, until they say so again.
local function resume_lane(instance)
  local lane = lane_key(instance)
  local held, under, why, what, of =
    unpack(redis.call("HMGET", lane, "hold", "under", "under_reason", "under_detail", "under_detail_of"))
  if held == "paused" and under then
    redis.call("HDEL", lane, "under", "under_reason", "under_detail", "under_detail_of", "detail_of")
    if of then redis.call("HSET", lane, "detail_of", of) end
    return redis.call("HSET", lane, "hold", under, "reason", why or "", "detail", what or "", "held_ms", now_ms())
  end
  -- Opened whatever held it, its rest ends as well: a gateway may ask for a day, and may be mistaken. And a person knows
  -- better than a probe.
  redis.call("HDEL", lane, "rest", "rest_reason", "reopened")
  open_lane(instance)
end

-- Whether an instance is sent through the settings' gateway: nobody registered it, or with rules alone.
local function is_by_default(instance)
  return (redis.call("HGET", instance_key(instance), "dialect") or "") == ""
end

-- The app and the account of an instance as it was registered, each nil where it names none.
local function app_and_account(instance)
  local names = "," .. (redis.call("HGET", instance_key(instance), "names") or "")
  return string.match(names, ",(app/[^,]+)"), string.match(names, ",(account/[^,]+)")
end

-- The instances of the same app, or (spans "account") of the same app and account, itself among them; and the groups that
-- they make up. That one names an account proves nothing; an app's secret does. Those by the settings have one token, so one
-- app (`default`; "" where their gateway has no apps), and are taken for one account.
local function siblings(instance, spans, default)
  local app, account = app_and_account(instance)
  if default ~= "" and is_by_default(instance) then
    if spans == "account" then return redis.call("SMEMBERS", by_default_key()), { "by_default" } end
    app = default
  end
  if not app or (spans == "account" and not account) then return {}, {} end
  if spans == "account" then
    return redis.call("SINTER", named_key(app), named_key(account)), { app .. "," .. account }
  end
  if app == default then return redis.call("SUNION", named_key(app), by_default_key()), { app, "by_default" } end
  return redis.call("SMEMBERS", named_key(app)), { app }
end

-- Nothing leaves a lane for a while, nor those of its siblings, nor of who joins them meanwhile. A longer rest stands.
local function rest_lane(instance, for_ms, reason, spans, default)
  local those, groups = {}, {}
  if spans ~= "" then those, groups = siblings(instance, spans, default) end
  for _, group in ipairs(groups) do
    if tonumber(for_ms) > math.max(redis.call("PTTL", resting_key(group)), 0) then
      redis.call("SET", resting_key(group), reason, "PX", for_ms)
    end
  end
  those[#those + 1] = instance
  for _, each in ipairs(those) do
    local rest = now_ms() + for_ms
    if rest > tonumber(redis.call("HGET", lane_key(each), "rest") or 0) then
      redis.call("HSET", lane_key(each), "rest", rest, "rest_reason", reason)
    end
  end
end

-- Who joins a group rests as long as it does. Only then: a person may have ended the rest of one that is in it.
local function rest_with(instance, group)
  local reason = redis.call("GET", resting_key(group))
  if reason then rest_lane(instance, redis.call("PTTL", resting_key(group)), reason, "", "") end
end

-- Keep whether an instance is sent through the settings' gateway.
local function note_default(instance)
  if not is_by_default(instance) then
    redis.call("SREM", by_default_key(), instance)
  elseif redis.call("SADD", by_default_key(), instance) == 1 then
    rest_with(instance, "by_default")
  end
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

-- The instance's own gap and its jitter, ms; 0 where it has no rules.
local function own_pace(instance)
  local text = redis.call("HGET", instance_key(instance), "rules")
  local rules = text and cjson.decode(text) or { gap_ms = 0, jitter_ms = 0 }
  return rules.gap_ms, rules.jitter_ms
end

-- The instance's own gap with its jitter, ms.
local function own_gap(instance)
  local gap, jitter = own_pace(instance)
  return gap + jitter
end

-- How late the workers take what they are given, ms, all lanes together; 0 when nothing has left for so long.
local function workers_behind(within_ms)
  local at, behind = unpack(redis.call("HMGET", flow_key(), "at", "behind"))
  return tonumber(at or 0) >= now_ms() - within_ms and tonumber(behind) or 0
end

-- The least gap of a campaign at this moment, with the slow-down in force as `pacing.slowed` has it; 0 where there is none.
local function slowed_gap(instance, campaign, now)
  local slow, since = unpack(redis.call("HMGET", lane_key(instance), "slow", "slow_ms"))
  if tonumber(slow or 1) <= 1 then return 0 end
  local gap, own = tonumber(redis.call("HGET", campaign_key(campaign), "gap_ms")), own_pace(instance)
  return math.ceil(math.max(gap, own) * (1 + (slow - 1) * 0.5 ^ (math.max(now - since, 0) / 60000)))
end

-- Give back these booked contacts (of one campaign, or of all), in this order. Returns how many.
local function give_back_all(instance, refs, only)
  local count = 0
  for _, ref in ipairs(refs) do
    local campaign, number = parts(ref)
    if not only or campaign == only then
      give_back(instance, campaign, number, "booked")
      count = count + 1
    end
  end
  return count
end

-- Give back what a lane's batches hold that has not been at the fence, the first one in front again; a task that is alive
-- after all finds its contact gone, and the contact has another.
local function start_over(instance, only)
  return give_back_all(instance, redis.call("ZREVRANGE", booked_key(instance), 0, -1), only)
end

-- Those in back-off, which are listed with what is on the wire.
local function in_back_off(instance)
  local found = {}
  for _, ref in ipairs(redis.call("ZRANGE", sending_key(instance), 0, -1)) do
    if redis.call("HGET", contact_key(parts(ref)), "status") == "booked" then found[#found + 1] = ref end
  end
  return found
end

-- Give back what a lane's batches hold, in back-off as well.
local function unbook(instance, only)
  return start_over(instance, only) + give_back_all(instance, in_back_off(instance), only)
end
