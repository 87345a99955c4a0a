-- Book departures for one batch: each contact gets its slot and belongs to the batch. moves: pending > booked
-- ARGV[1] instance · ARGV[2] the lane's turn as surveyed · ARGV[3] batch · ARGV[4] the local day by which departures count
-- ARGV[5] when that day ends, Unix ms · ARGV[6] nothing may leave from this Unix ms on, or ""
-- ARGV[7] departures that the day may have, or ""
-- ARGV[8..] per departure: campaign, slot Unix ms, least gap before it ms, least gap after it ms
-- reply {{campaign, number, slot}, ...}, or false when another planner was first
local instance, turn, batch, day, day_ends, until_ms, cap = unpack(ARGV, 1, 7)
turn = tonumber(turn)
if tonumber(redis.call("HGET", lane_key(instance), "turn") or 0) ~= turn then return false end

local function next_contact(campaign)
  if redis.call("HGET", campaign_key(campaign), "status") ~= "running" then return nil end
  local due = redis.call("ZRANGEBYSCORE", later_key(campaign), "-inf", now_ms(), "LIMIT", 0, 1)[1]
  if due then redis.call("ZREM", later_key(campaign), due) end
  local number = due or redis.call("LPOP", pending_key(campaign))
  if not number then return nil end
  if redis.call("HGET", contact_key(campaign, number), "status") == "pending" then return number end
  return next_contact(campaign)
end

-- A day lasts to its end in the zone in which it began: a change of the zone makes no second one of it.
local used_day, used_until = unpack(redis.call("HMGET", lane_key(instance), "day", "day_ends"))
if used_day ~= day and now_ms() >= tonumber(used_until or 0) then
  redis.call("HSET", lane_key(instance), "day", day, "day_ends", day_ends, "used", 0)
elseif not used_until then  -- counted by an earlier version
  redis.call("HSET", lane_key(instance), "day_ends", day_ends)
end
redis.call("HSET", lane_key(instance), "until", until_ms, "cap", cap)
local booked = {}
for i = 8, #ARGV, 4 do
  local campaign, slot, before, after = unpack(ARGV, i, i + 3)
  local number = next_contact(campaign)
  if number then
    turn = turn + 1
    move(campaign, number, "pending", "booked", "batch", batch, "slot", slot, "before", before, "after", after)
    redis.call("ZADD", booked_key(instance), slot, campaign .. ":" .. number)
    redis.call("ZADD", ready_key(instance), turn, campaign)
    redis.call("HSET", lane_key(instance), "booked_gap", after)
    booked[#booked + 1] = { campaign, tonumber(number), tonumber(slot) }
  end
end
redis.call("HSET", lane_key(instance), "turn", turn)
return booked
