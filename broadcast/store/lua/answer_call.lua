-- Note what became of an attempt to deliver a callback, and when its campaign's next one is tried.
-- ARGV[1] host · ARGV[2] token of this run · ARGV[3] campaign · ARGV[4] number · ARGV[5] "delivered", "failed" or "gone"
-- ARGV[6] HTTP status or "" · ARGV[7] error or "" · ARGV[8] next attempt in ms · ARGV[9] the host rests for, ms
-- ARGV[10] after so long it is given up, ms
-- reply its state: "delivered", "waiting" or "failed"; "kept" when it is no longer this run's to say, or was told before
local host, run, campaign, number, word, http, err, next_ms, rest_ms, patience_ms = unpack(ARGV)
local key, callback, now = callbacks_key(campaign), callback_key(campaign, number), now_ms()
local holds = redis.call("HGET", host_key(host), "held") == run
if redis.call("HGET", key, "flight") == number then redis.call("HDEL", key, "flight") end
if redis.call("HGET", callback, "state") ~= "waiting" or (word ~= "delivered" and not holds) then return "kept" end

-- The outbox is looked at again at a time; one that is empty asks again when something comes.
local function look_again(at)
  if redis.call("ZCARD", outbox_key(campaign)) == 0 then return redis.call("ZREM", calling_key(host), campaign) end
  redis.call("ZADD", calling_key(host), at, campaign)
  look_at_host(host, at)
end

local function delivered()
  redis.call("ZREM", outbox_key(campaign), number)
  redis.call("HSET", callback, "state", "delivered", "done_ms", now)
  local is_progress = redis.call("HGET", callback, "kind") == "campaign.progress"
  redis.call("EXPIRE", callback, is_progress and 3600 or done_s)  -- of long campaigns there is much, and the next says more
  redis.call("HINCRBY", callback_tally_key(), "waiting", -1)
  redis.call("HINCRBY", callback_tally_key(), "delivered", 1)
end

redis.call("HSET", callback, "http", http, "error", err, "tried_ms", now)
-- The host answers again: whatever waits for it need not wait longer.
if rest_ms == "0" and http ~= "" and tonumber(redis.call("HGET", host_key(host), "fails") or 0) > 2 then
  for _, other in ipairs(redis.call("ZRANGE", calling_key(host), 0, 999)) do
    redis.call("ZADD", calling_key(host), now, other)
  end
end
if http ~= "" then
  redis.call("HDEL", host_key(host), "fails", "rest")
else
  redis.call("HINCRBY", host_key(host), "fails", 1)
  if rest_ms ~= "0" then redis.call("HSET", host_key(host), "rest", now + rest_ms) end
end

if word == "delivered" then
  redis.call("HDEL", key, "failures")
  delivered()
  look_again(now)
  return "delivered"
elseif word == "gone" then  -- whatever else waits is given up when its turn would come; see call.lua
  redis.call("HSET", key, "off", "gone")
  give_up(campaign, number)
  look_again(now)
  return "failed"
end
redis.call("HINCRBY", key, "failures", 1)
if now - redis.call("HGET", callback, "since_ms") >= tonumber(patience_ms) then
  give_up(campaign, number)
  look_again(now)
  return "failed"
end
look_again(now + next_ms)
return "waiting"
