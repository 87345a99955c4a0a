-- The fence: may this contact leave now? Only "go" lets a request start. moves: booked > sending, booked > pending,
-- sending > pending, booked > cancelled, sending > cancelled, booked > skipped, sending > skipped
-- Asked again by the same run after "go" (it overslept, or the answer was lost), it grants a new departure.
-- ARGV[1] instance · ARGV[2] campaign · ARGV[3] number · ARGV[4] batch · ARGV[5] run · ARGV[6] how far ahead to grant, ms
-- ARGV[7] how long the asker will wait, ms · ARGV[8] lease of a send, ms · ARGV[9] identity of the person
-- ARGV[10] the message's id where we choose it, or "" · ARGV[11] how long the id is kept, s
-- ARGV[12] least time between two messages of the instance to one person, ms; 0 for none · ARGV[13] "1": it has waited
-- ARGV[14] what stands for the person once they are forgotten
-- ARGV[15] how late its message was taken, by the hosts' clocks, ms · ARGV[16] with how much it is on time, ms
-- reply {"go", wait us, departure Unix ms, attempt} | {"wait", us} | {"back", why} | {"gone", status}
local instance, campaign, number, batch, run = unpack(ARGV, 1, 5)
local ahead, patience, lease_ms = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local identity, own_id, keep_s, pair_ms, has_waited, hashed, behind, on_time = unpack(ARGV, 9, 16)
pair_ms = tonumber(pair_ms)
local contact = contact_key(campaign, number)
local status, held_batch, held_run, before, after, departed, attempts, slot =
  unpack(redis.call("HMGET", contact, "status", "batch", "run", "before", "after", "departed", "attempts", "slot"))

local again = status == "sending" and held_run == run
if not again and not (status == "booked" and held_batch == batch) then return { "gone", status or "unknown" } end

local function back(why, due)
  if again then redis.call("HINCRBY", contact, "attempts", -1) end
  give_back(instance, campaign, number, status, due)
  return { "back", why }
end

if is_suppressed(identity, hashed) then
  let_go(instance, campaign, number)
  redis.call("HSET", contact, "reason", "opted_out")
  move(campaign, number, status, "skipped")
  return { "gone", "skipped" }
end
local state, meets_caps = unpack(redis.call("HMGET", campaign_key(campaign), "status", "meets_caps"))
if state ~= "running" then return back(state or "unknown") end
local hold, left, gap, rest, until_ms, promised, used, cap =
  unpack(redis.call("HMGET", lane_key(instance), "hold", "left", "gap", "rest", "until", "promised", "used", "cap"))
if hold then return back(hold) end
-- One in back-off has its departure behind it, and needs another of the day's.
if not again and cap and cap ~= "" and tonumber(used or 0) >= tonumber(cap) then return back("daily_cap") end

if meets_caps and not again then
  local left_ms = left_of(capped_key(instance, hashed))
  if left_ms > 0 then
    redis.call("HSET", contact, "reason", "marketing_capped", "not_before", now_ms() + left_ms)
    return back("marketing_capped", now_ms() + left_ms)
  end
end
if pair_ms > 0 and not again then
  local left_ms = left_of(pair_key(instance, identity))
  if left_ms > 0 then return back("pair_limit", now_ms() + left_ms) end
end

local now = now_us()
local earliest = math.max(math.ceil(now / 1000), tonumber(rest or 0))
local least = math.max(tonumber(gap or 0), tonumber(before))
if not again and tonumber(attempts or 0) > 0 then  -- one in back-off was booked before the lane slowed down
  local slowed = slowed_gap(instance, campaign, now / 1000)
  least, after = math.max(least, slowed), math.max(after, slowed)
end
local was_last = again and left == departed
earliest = math.max(earliest, left_at(instance, left, ahead) + (was_last and 0 or least))
if until_ms and until_ms ~= "" and earliest >= tonumber(until_ms) then return back("rules") end
local wait_us = earliest * 1000 - now
if wait_us > patience * 1000 then return back("late") end
-- Never so far ahead that the one before, if it is late, could not push this one.
ahead = math.min(ahead, math.floor(tonumber(before) / 2))
if wait_us > ahead * 1000 then
  -- Those who come in a crowd are told moments a gap apart: all at once, each would ask at every departure. Who has waited
  -- is not sent to the end again.
  if has_waited ~= "1" and wait_us > least * 500 then
    local turn = math.min(math.max(earliest, tonumber(promised or 0) + least), math.floor(now / 1000) + patience)
    redis.call("HSET", lane_key(instance), "promised", turn)
    wait_us = turn * 1000 - now
  end
  return { "wait", math.floor(wait_us) }
end

redis.call("HSET", lane_key(instance), "left", earliest, "gap", after, "left_slot", slot)
redis.call("ZADD", sending_key(instance), earliest + lease_ms, campaign .. ":" .. number)
if again then
  redis.call("HSET", contact, "departed", earliest)
else
  redis.call("ZREM", booked_key(instance), campaign .. ":" .. number)
  now = math.floor(now / 1000)
  -- The hosts' clocks may disagree: who is here by its slot was not late, whatever they say.
  behind = math.min(behind, math.max(now - slot, 0))
  if behind <= tonumber(on_time) then redis.call("HSET", flow_key(), "on_time", now) end
  -- Who was booked long before its time is on time in a line where others are late: these count, and are soon forgotten.
  local at, was = unpack(redis.call("HMGET", flow_key(), "at", "behind"))
  redis.call("HSET", flow_key(), "at", now, "behind", math.max(behind, (was or 0) - 4 * math.max(now - (at or 0), 0)))
  attempts = redis.call("HINCRBY", contact, "attempts", 1)
  redis.call("HINCRBY", lane_key(instance), "used", 1)
  move(campaign, number, "booked", "sending", "run", run, "departed", earliest)
  if pair_ms > 0 then redis.call("SET", pair_key(instance, identity), pair_ms, "PX", pair_ms) end
  -- Without one, what it went by is of an earlier attempt: the gateway may have refused it, and an echo is to find this one.
  go_by(contact, own_id)
  if own_id ~= "" then
    redis.call("SET", message_key(instance, own_id), campaign .. ":" .. number, "EX", keep_s)
  end
end
-- The measured pace: a mean of the last gaps in which the newest counts for a fifth, and a stall for three at the most.
local last, mean = unpack(redis.call("HMGET", campaign_key(campaign), "last_ms", "mean_ms"))
if last and not again then
  local since = math.min(math.max(earliest - last, 0), 3 * (mean or 1e9))
  redis.call("HSET", campaign_key(campaign), "mean_ms", mean and 0.8 * mean + 0.2 * since or since)
end
redis.call("HSET", campaign_key(campaign), "last_ms", earliest)
note_departure(campaign, earliest, again and departed)
return { "go", math.floor(wait_us), earliest, tonumber(attempts) }
