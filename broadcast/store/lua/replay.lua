-- Have callbacks of a campaign delivered again, because a person says so. They leave in their order, before newer ones.
-- ARGV[1] campaign · ARGV[2] id of one, or "" for those that failed · ARGV[3] after this number · ARGV[4] how many to look at
-- reply {how many, the number to go on after or -1}, or false: it has no callbacks at all
local campaign, id, after, most = unpack(ARGV)
local host = redis.call("HGET", campaign_key(campaign), "callback_host")
if not host then return false end
local now, count = now_ms(), 0

local function again(number)
  local callback = callback_key(campaign, number)
  if redis.call("EXISTS", callback) == 0 then return end
  redis.call("HSET", callback, "state", "waiting", "since_ms", now)
  redis.call("HDEL", callback, "attempts", "http", "error", "done_ms")
  redis.call("ZREM", given_up_key(), given_up_ref(campaign, number))
  redis.call("EXPIRE", callback, waits_s)
  local is_new = redis.call("ZADD", outbox_key(campaign), number, number)
  redis.call("HINCRBY", callback_tally_key(), "waiting", is_new)
  count = count + 1
end

local function is_failed(number)
  local state = redis.call("HGET", callback_key(campaign, number), "state")
  return state and state ~= "delivered" and not redis.call("ZSCORE", outbox_key(campaign), number)
end

local numbers = {}
if id ~= "" then
  local number = string.match(id, "_(%d+)$")
  if number and id == callback_id(campaign, number) then again(number) end
else
  numbers = redis.call("ZRANGEBYSCORE", told_key(campaign), "(" .. after, "+inf", "LIMIT", 0, most)
  for _, number in ipairs(numbers) do
    if is_failed(number) then again(number) end
  end
end
if count > 0 then
  redis.call("HDEL", callbacks_key(campaign), "off", "failures")
  redis.call("HDEL", host_key(host), "rest")
  redis.call("ZADD", calling_key(host), "LT", now, campaign)
  look_at_host(host, now)
end
return { count, #numbers == tonumber(most) and tonumber(numbers[#numbers]) or -1 }
