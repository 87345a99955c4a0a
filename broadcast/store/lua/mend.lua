-- Take back what a dead worker held. moves: booked > pending, booked > cancelled, sending > pending, sending > unconfirmed
-- ARGV[1] instance · ARGV[2] how long after its slot a booked contact is overdue, ms
-- ARGV[3] attempts after which not even a campaign that prefers a double to a gap sends again
-- reply {booked ones taken back, overdue ones past the fence}
local instance, grace, most_attempts = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = now_ms()

-- Whether the lane departs, late but in the order of its slots: its workers are behind, and nothing is lost.
local function is_behind(slot)
  local left, left_slot = unpack(redis.call("HMGET", lane_key(instance), "left", "left_slot"))
  return left and left_slot and tonumber(left) >= now - grace and tonumber(left_slot) <= slot + grace
end

-- One contact overdue means that a worker is gone, or a batch was never published. The whole lane starts over: to wait
-- for each slot to pass, or to book behind what is left, would keep it idle for a horizon.
local oldest = tonumber(redis.call("ZRANGE", booked_key(instance), 0, 0, "WITHSCORES")[2])
local is_lost = oldest and oldest <= now - grace - workers_behind(grace) and not is_behind(oldest)
local booked = is_lost and start_over(instance) or 0

local function give_up(campaign, number)
  local status, on_unknown = unpack(redis.call("HMGET", campaign_key(campaign), "status", "on_unknown"))
  local attempts = tonumber(redis.call("HGET", contact_key(campaign, number), "attempts") or 0)
  redis.call("HSET", contact_key(campaign, number), "reason", "worker_lost")
  if on_unknown == "resend" and status ~= "cancelled" and attempts < most_attempts then
    doubt(instance, campaign, number)
    return give_back(instance, campaign, number, "sending")
  end
  redis.call("ZREM", sending_key(instance), campaign .. ":" .. number)
  move(campaign, number, "sending", "unconfirmed")
  end_if_paused(campaign)
end

local sending = redis.call("ZRANGEBYSCORE", sending_key(instance), "-inf", now, "LIMIT", 0, 500)
for _, ref in ipairs(sending) do
  local campaign, number = parts(ref)
  if redis.call("HGET", contact_key(campaign, number), "status") == "booked" then
    give_back(instance, campaign, number, "booked")  -- in back-off: the gateway's answer proved that nothing left
  else
    give_up(campaign, number)
  end
end
return { booked, #sending }
