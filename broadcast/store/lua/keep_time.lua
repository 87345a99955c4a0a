-- Notice that Redis's clock was set back since this was last asked, and set back what goes by it: what waits for a moment
-- waits no longer than it would have, and what was noted of a past is not noted of a future. moves: booked > pending,
-- booked > cancelled
-- ARGV[1] a smaller step is none, ms · ARGV[2] so many of each list are set back, the earliest ones
-- reply by how many ms it was set back, or 0
local least, most = tonumber(ARGV[1]), ARGV[2]
local now = now_ms()
local by = tonumber(redis.call("GET", clock_key()) or now) - now
redis.call("SET", clock_key(), string.format("%.0f", now))
if by < least then return 0 end

-- Those of a list that are ahead: what is to come moves with the clock, what is past is no later than now.
local function set_back(list, is_past)
  local ahead = redis.call("ZRANGEBYSCORE", list, "(" .. now, "+inf", "WITHSCORES", "LIMIT", 0, most)
  for i = 1, #ahead, 2 do
    local at = ahead[i + 1] - by
    redis.call("ZADD", list, string.format("%.0f", is_past and math.min(at, now) or at), ahead[i])
  end
end

local function set_fields_back(hash, fields, is_past)
  for _, field in ipairs(fields) do
    local at = tonumber(redis.call("HGET", hash, field) or 0)
    if at and at > now then
      at = at - by
      redis.call("HSET", hash, field, string.format("%.0f", is_past and math.min(at, now) or at))
    end
  end
end

for _, list in ipairs({ lanes_key(), strays_key(), rewrites_key(), reported_key(), hosts_key(), called_key() }) do
  set_back(list)
end
for _, list in ipairs({ stagings_key(), removals_key(), forgetting_key() }) do set_back(list, true) end
for _, queue in ipairs({ "broadcast", "control", "callbacks" }) do set_back(workers_key(queue), true) end
set_fields_back(flow_key(), { "at", "since", "on_time" }, true)
for _, host in ipairs(redis.call("ZRANGE", hosts_key(), 0, -1)) do
  set_back(calling_key(host))
  set_fields_back(host_key(host), { "rest" })
end
for _, campaign in ipairs(redis.call("ZRANGE", campaigns_key(), 0, -1)) do
  set_back(later_key(campaign))
  set_fields_back(campaign_key(campaign), { "last_ms", "started_ms" }, true)
end
for _, instance in ipairs(redis.call("SMEMBERS", instances_key())) do
  set_back(sending_key(instance))
  set_back(acted_key(instance))
  set_fields_back(lane_key(instance), { "rest", "wait_ms", "day_ends" })
  set_fields_back(lane_key(instance), { "left", "slow_ms", "held_ms", "found_ms", "heard_ms", "opened_ms", "joined_ms",
    "health_ms", "answer_ms", "stuck_ms" }, true)
  start_over(instance)  -- those booked are booked anew, by this clock
end
return math.floor(by)
