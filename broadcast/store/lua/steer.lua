-- Pause, resume or cancel a campaign. What is booked goes back to its lane at once; what is sending stays on the wire.
-- moves: booked > pending, booked > cancelled
-- ARGV[1] campaign · ARGV[2] new status · ARGV[3] it may follow (a,b,c) · ARGV[4] why, where no person says so, or ""
-- reply {1 done or was so already | 0 cannot be from here, status, sending, instance}, or false: no such campaign
local campaign, to, may_follow, because = unpack(ARGV)
local key = campaign_key(campaign)
local status, instance, scheduled_ms, started_ms, is_open =
  unpack(redis.call("HMGET", key, "status", "instance", "scheduled_ms", "started_ms", "open"))
if not is_there(status) then return false end
local now = now_ms()

local function unbook()
  local held = redis.call("ZREVRANGE", booked_key(instance), 0, -1)
  for _, ref in ipairs(held) do
    local of, number = parts(ref)
    if of == campaign then give_back(instance, campaign, number, "booked") end
  end
  for _, ref in ipairs(redis.call("ZRANGE", sending_key(instance), 0, -1)) do  -- those in back-off
    local of, number = parts(ref)
    if of == campaign and redis.call("HGET", contact_key(of, number), "status") == "booked" then
      give_back(instance, campaign, number, "booked")
    end
  end
end

local waits = scheduled_ms and tonumber(scheduled_ms) > now and not started_ms
if to == "running" and waits then to = "scheduled" end
local sending = tonumber(redis.call("HGET", tally_key(campaign), "sending") or 0)
if status == to then return { 1, status, sending, instance } end
if not has(may_follow, status) or (is_open and to ~= "cancelled") then return { 0, status, sending, instance } end

redis.call("HSET", key, "status", to)
revise(campaign)
redis.call("HDEL", key, "last_ms", "mean_ms", "paused_ms", "because")
if because ~= "" then redis.call("HSET", key, "because", because) end
if to == "scheduled" then
  redis.call("ZADD", scheduled_key(), scheduled_ms, campaign)
  tell(campaign, "resumed")
elseif to == "running" then
  redis.call("HSETNX", key, "started_ms", now)
  join_lane(instance, campaign)
  tell(campaign, started_ms and "resumed" or "started")
  finish(campaign)
else
  redis.call("HSET", key, to == "paused" and "paused_ms" or "finished_ms", now)
  redis.call("ZREM", scheduled_key(), campaign)
  redis.call("ZREM", ready_key(instance), campaign)
  unbook()
  if to == "cancelled" then redis.call("HSET", chores_key(), "sweep:" .. campaign, now) end
  tell(campaign, to)
end
return { 1, redis.call("HGET", key, "status"), sending, instance }
