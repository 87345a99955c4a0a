-- Pause, resume and cancel.

-- Make a move if the campaign's status allows it, because of this contact ("" for a person's wish). Returns whether it is
-- so now; twice is once.
function steer(campaign, to, may_follow, because, number)
  local key, now = campaign_key(campaign), now_ms()
  local status, instance, scheduled_ms, started_ms, is_open =
    unpack(redis.call("HMGET", key, "status", "instance", "scheduled_ms", "started_ms", "open"))
  local waits = scheduled_ms and tonumber(scheduled_ms) > now and not started_ms
  if to == "running" and waits then to = "scheduled" end
  if number ~= "" and is_forgotten(campaign, number) then because = bare(because) end
  if status == to then
    -- What the gateway says of one that a person paused is theirs to know before they resume it.
    if because ~= "" and redis.call("HGET", key, "because") ~= because then
      redis.call("HSET", key, "because", because, "because_of", number)
      revise(campaign)
    end
    return true
  end
  if not has(may_follow, status) or (is_open and to ~= "cancelled") then return false end

  redis.call("HSET", key, "status", to, "steered_ms", now)
  revise(campaign)
  redis.call("HDEL", key, "last_ms", "mean_ms", "paused_ms", "because", "because_of", "misfits", "misfits_told")
  if because ~= "" then redis.call("HSET", key, "because", because, "because_of", number) end
  if to == "scheduled" then
    redis.call("ZADD", scheduled_key(), scheduled_ms, campaign)
    tell(campaign, "resumed")
  elseif to == "running" then
    if redis.call("HSETNX", key, "started_ms", now) == 1 then upset(campaign, "paused") end
    join_lane(instance, campaign)
    tell(campaign, started_ms and "resumed" or "started")
    finish(campaign)
  else
    redis.call("HSET", key, to == "paused" and "paused_ms" or "finished_ms", now)
    if to == "paused" and started_ms then upset(campaign, "paused") end
    redis.call("ZREM", scheduled_key(), campaign)
    redis.call("ZREM", ready_key(instance), campaign)
    unbook(instance, campaign)
    if to == "cancelled" then redis.call("HSET", chores_key(), "sweep:" .. campaign, now) end
    tell(campaign, to)
  end
  return true
end

-- A campaign that was over has somebody to send to again; paused, if it was so when its last contact completed it.
local function carry_on(campaign, instance)
  local status, paused_ms = unpack(redis.call("HMGET", campaign_key(campaign), "status", "paused_ms"))
  if status ~= "completed" then return end
  redis.call("HSET", campaign_key(campaign), "status", paused_ms and "paused" or "running")
  redis.call("HDEL", campaign_key(campaign), "finished_ms")
  if paused_ms then return tell(campaign, "paused") end
  join_lane(instance, campaign)
  tell(campaign, "resumed")
end
