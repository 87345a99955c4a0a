-- What planning needs to know of a lane, at one instant. Campaigns found finished are completed on the way.
-- ARGV[1] instance
-- reply {now ms, hold or "", last departure made or booked ms, its gap ms, rest until ms, turn, booked, sending, live workers,
--        {{campaign, turn last served, priority, gap ms, jitter ms, waiting, next one due ms or 0}, ...}, {completed, ...},
--        claim: when the lane is offered again if this planner dies; rejoin.lua wants it back,
--        slow-down as kept, when it was kept ms, day, departures on that day, when it ends ms,
--        {credit of each lane or 0, since ms, when a contact left last ms, how late its message had been taken ms,
--        when one left last whose message was taken on time ms}}
local instance = ARGV[1]
local now = now_ms()
local claim = now + 2000
redis.call("ZADD", lanes_key(), claim, instance)
local hold, left, gap, rest, turn, booked_gap, slow, slow_ms, day, used, day_ends =
  unpack(redis.call("HMGET", lane_key(instance), "hold", "left", "gap", "rest", "turn", "booked_gap", "slow", "slow_ms",
    "day", "used", "day_ends"))
local credit, since, at, behind, on_time =
  unpack(redis.call("HMGET", flow_key(), "credit", "since", "at", "behind", "on_time"))
left = left_at(instance, left, 0)
local last_slot = redis.call("ZREVRANGE", booked_key(instance), 0, 0, "WITHSCORES")[2]
if last_slot and tonumber(last_slot) >= left then left, gap = last_slot, booked_gap end
local candidates, completed = {}, {}

local ready = redis.call("ZRANGE", ready_key(instance), 0, -1, "WITHSCORES")
for i = 1, #ready, 2 do
  local campaign, served = ready[i], ready[i + 1]
  if finish(campaign) == 1 then
    completed[#completed + 1] = campaign
  else
    local priority, campaign_gap, jitter =
      unpack(redis.call("HMGET", campaign_key(campaign), "priority", "gap_ms", "jitter_ms"))
    local waiting = redis.call("LLEN", pending_key(campaign)) + redis.call("ZCOUNT", later_key(campaign), "-inf", now)
    local next_one = redis.call("ZRANGE", later_key(campaign), 0, 0, "WITHSCORES")
    candidates[#candidates + 1] = { campaign, tonumber(served), tonumber(priority), tonumber(campaign_gap),
      tonumber(jitter), waiting, tonumber(next_one[2] or 0) }
  end
end
return { now, hold or "", tonumber(left), tonumber(gap or 0), tonumber(rest or 0), tonumber(turn or 0),
  redis.call("ZCARD", booked_key(instance)), redis.call("ZCARD", sending_key(instance)),
  redis.call("ZCOUNT", workers_key("broadcast"), now - 15000, "+inf"),
  candidates, completed, claim, slow or "1", tonumber(slow_ms or 0), day or "",
  tonumber(used or 0), tonumber(day_ends or 0),
  { tonumber(credit or 0), tonumber(since or 0), tonumber(at or 0), tonumber(behind or 0),
    tonumber(on_time or 0) } }
