-- Take a campaign that is over out of everybody's sight; erase.lua removes it, some contacts at a time.
-- ARGV[1] campaign · ARGV[2] the states it may be in (a,b) · ARGV[3] only if it ended so many ms ago, or ""
-- reply {1 done | 0 it is not over, or not for so long, status}, or false: no such campaign
local campaign, may_be_in, age = unpack(ARGV)
local key = campaign_key(campaign)
local status, finished = unpack(redis.call("HMGET", key, "status", "finished_ms"))
if not is_there(status) then return false end
local is_over = has(may_be_in, status)
for _, count in ipairs(redis.call("HMGET", tally_key(campaign), "pending", "booked", "sending")) do
  is_over = is_over and tonumber(count or 0) == 0
end
if not is_over then return { 0, status } end
if age ~= "" and tonumber(finished) > now_ms() - age then return { 0, status } end

redis.call("HSET", key, "status", "removing", "erased", 0)
-- Nothing more is told of it.
redis.call("HDEL", key, "content", "last_error", "because", "callback_host", "callback_url")
redis.call("ZREM", reported_key(), campaign)
redis.call("ZREM", campaigns_key(), campaign)
redis.call("ZADD", removals_key(), now_ms(), campaign)
return { 1, status }
