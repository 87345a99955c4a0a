-- Campaigns: their end, their turn in a lane, and all that is known of one.

-- What was foretold of the campaign's end can no longer be compared with what happens.
local function upset(campaign, why)
  redis.call("HSETNX", campaign_key(campaign), "upset", why)
end

-- Count how true it was what was foretold of a campaign's end: the error as a share of the time it was to take.
local function judge(campaign, finished)
  local foretold, why = unpack(redis.call("HMGET", campaign_key(campaign), "foretold", "upset"))
  if not foretold or why then return end
  local from, _, p50, p90 = unpack(cjson.decode(foretold))
  if p90 == cjson.null then return end -- beyond what can be foreseen
  local share, upto = math.abs(finished - p50) / math.max(p50 - from, 1000), "+Inf"
  for _, most in ipairs({ "1", "0.5", "0.2", "0.1", "0.05", "0.02", "0.01" }) do
    if share <= tonumber(most) then upto = most end
  end
  redis.call("HINCRBY", forecasts_key(), upto, 1)
  redis.call("HINCRBYFLOAT", forecasts_key(), "sum", share)
  redis.call("HINCRBY", forecasts_key(), finished <= p90 and "in_time" or "late", 1)
end

-- A campaign with nothing left to send is complete. Returns 1 if this call found it so.
local function finish(campaign)
  local status, instance = unpack(redis.call("HMGET", campaign_key(campaign), "status", "instance"))
  if status ~= "running" and status ~= "paused" then return 0 end
  for _, count in ipairs(redis.call("HMGET", tally_key(campaign), "pending", "booked", "sending")) do
    if tonumber(count or 0) > 0 then return 0 end
  end
  local now = now_ms()
  redis.call("HSET", campaign_key(campaign), "status", "completed", "finished_ms", now)
  judge(campaign, now)
  revise(campaign)
  redis.call("ZREM", ready_key(instance), campaign)
  tell(campaign, "completed")
  return 1
end

-- Nobody looks at the lane of a paused campaign for its sake: its last contact completes it.
function end_if_paused(campaign)
  if redis.call("HGET", campaign_key(campaign), "status") == "paused" then finish(campaign) end
end

-- Count one that says that the message fits nobody; after so many in a row the campaign waits for somebody, if there is
-- anybody left to wait for. Returns whether that paused it.
function misfit(campaign, number, count, most, because)
  if (tonumber(most) or 0) == 0 then return false end
  if redis.call("HINCRBY", campaign_key(campaign), count, 1) < tonumber(most) or finish(campaign) == 1 then return false end
  local was_running = redis.call("HGET", campaign_key(campaign), "status") == "running"
  return steer(campaign, "paused", "running", because, number) and was_running
end

-- A campaign joins its lane; its first turn comes as if it had just been served, so that newcomers do not push in.
local function join_lane(instance, campaign)
  redis.call("SADD", instances_key(), instance)
  note_default(instance)
  local hold = redis.call("HGET", lane_key(instance), "hold")
  if hold then upset(campaign, "instance_" .. hold) end  -- nobody knows when it will be open again
  redis.call("HSET", lane_key(instance), "joined_ms", now_ms())
  redis.call("ZADD", ready_key(instance), redis.call("HGET", lane_key(instance), "turn") or 0, campaign)
  look_at_lane(instance, now_ms())
end

-- How many contacts of a campaign could leave now, were there a departure for each.
local function could_leave(campaign)
  return tonumber(redis.call("HGET", tally_key(campaign), "booked") or 0) + redis.call("LLEN", pending_key(campaign))
    + redis.call("ZCOUNT", later_key(campaign), "-inf", now_ms())
end

-- When the last contact of a campaign that waits for its time is due, Unix ms; 0 where none waits.
local function last_due(campaign)
  return tonumber(redis.call("ZRANGE", later_key(campaign), -1, -1, "WITHSCORES")[2] or 0)
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
      redis.call("ZCOUNT", workers_key("control"), alive, "+inf"), could_leave(campaign), own_gap(instance),
      last_due(campaign), workers_behind(3000) },
  }
end
