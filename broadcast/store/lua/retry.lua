-- Have the next contacts of a campaign sent again, because a person says so. moves: failed > pending, unconfirmed > pending
-- What became so after they said it is not meant. While some are left, the chore is noted, for upkeep to go on with.
-- ARGV[1] campaign · ARGV[2] "failed" or "unconfirmed" · ARGV[3] how many at the most
-- ARGV[4] states that the campaign may be in (a,b,c) · ARGV[5] when they said it, Unix ms, or "" for now
-- reply {1 done | 0 cannot be in this state, how many, how many are left, state, instance, when they said it},
--       or false: no such campaign
local campaign, scope, most, may_be_in, asked = unpack(ARGV)
local key, chore = campaign_key(campaign), "retry:" .. ARGV[2] .. ":" .. ARGV[1]
local state, instance = unpack(redis.call("HMGET", key, "status", "instance"))
asked = asked == "" and now_ms() or tonumber(asked)
if not is_there(state) then return false end
if not has(may_be_in, state) then
  redis.call("HDEL", chores_key(), chore)
  return { 0, 0, 0, state, instance, asked }
end

local count = 0
local numbers = redis.call("ZRANGE", listed_key(campaign, scope), 0, tonumber(most) - 1)
for _, number in ipairs(numbers) do
  local contact = contact_key(campaign, number)
  if tonumber(redis.call("HGET", contact, "at_" .. scope) or 0) <= asked then
    if scope == "unconfirmed" then disown(contact) else redis.call("HINCRBY", contact, "failures", 1) end
    go_by(contact, "")
    -- They begin anew with it, and are no less made.
    redis.call("HINCRBY", contact, "earlier", redis.call("HGET", contact, "attempts") or 0)
    redis.call("HDEL", contact, "attempts", "reason", "detail", "acked", "run", "recorded", "batch", "at_" .. scope)
    move(campaign, number, scope, "pending")
    local not_before = tonumber(redis.call("HGET", contact, "not_before") or 0)
    if not_before > now_ms() then  -- not even a person may hurry a gateway that said when
      redis.call("ZADD", later_key(campaign), not_before, number)
    else
      redis.call("RPUSH", pending_key(campaign), number)
    end
    count = count + 1
  end
end
if count > 0 then
  redis.call("HSET", key, "retried_ms", asked)
  redis.call("HDEL", key, "misfits", "misfits_told")
  upset(campaign, "retried")
end
if count > 0 and state ~= "paused" then
  local before = state
  state = "running"
  redis.call("HSET", key, "status", state)
  redis.call("HDEL", key, "finished_ms", "paused_ms", "last_ms", "mean_ms")
  if not redis.call("ZSCORE", ready_key(instance), campaign) then join_lane(instance, campaign) end
  look_at_lane(instance, now_ms())
  if before == "completed" then tell(campaign, "resumed") end
end
local left = count > 0 and redis.call("ZCARD", listed_key(campaign, scope)) or 0
if left > 0 then
  redis.call("HSET", chores_key(), chore, asked)
else
  redis.call("HDEL", chores_key(), chore)
end
return { 1, count, left, state, instance, asked }
