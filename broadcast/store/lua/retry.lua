-- Have the next contacts of a campaign sent again, because a person says so. moves: failed > pending, unconfirmed > pending
-- ARGV[1] campaign · ARGV[2] "failed" or "unconfirmed" · ARGV[3] how many at the most
-- ARGV[4] states that the campaign may be in (a,b,c)
-- reply {1 done | 0 cannot be in this state, how many, how many are left, state, instance}, or false: no such campaign
local campaign, scope, most, may_be_in = unpack(ARGV)
local key = campaign_key(campaign)
local state, instance = unpack(redis.call("HMGET", key, "status", "instance"))
if not is_there(state) then return false end
if not has(may_be_in, state) then return { 0, 0, 0, state, instance } end

local numbers = redis.call("ZRANGE", listed_key(campaign, scope), 0, tonumber(most) - 1)
for _, number in ipairs(numbers) do
  local contact = contact_key(campaign, number)
  redis.call("HDEL", contact, "attempts", "reason", "detail", "message_id", "acked", "run", "batch", "at_" .. scope)
  move(campaign, number, scope, "pending")
  redis.call("RPUSH", pending_key(campaign), number)
end
if #numbers > 0 and state ~= "paused" then
  state = "running"
  redis.call("HSET", key, "status", state)
  redis.call("HDEL", key, "finished_ms", "last_ms", "mean_ms")
  if not redis.call("ZSCORE", ready_key(instance), campaign) then join_lane(instance, campaign) end
  look_at_lane(instance, now_ms())
end
return { 1, #numbers, redis.call("ZCARD", listed_key(campaign, scope)), state, instance }
