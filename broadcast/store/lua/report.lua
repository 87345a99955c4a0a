-- Tell the progress of the campaigns that have made any; of what waits to be told, only the newest stays.
-- ARGV[1] how many to look at, at the most · ARGV[2] how often one is told, ms · ARGV[3] how often when it is over, ms
-- ARGV[4] how long after its end, ms
-- reply the campaigns told of
local most, every_ms, after_every_ms, after_ms = unpack(ARGV)
local now, told = now_ms(), {}
for _, campaign in ipairs(redis.call("ZRANGEBYSCORE", reported_key(), "-inf", now, "LIMIT", 0, most)) do
  local status, finished = unpack(redis.call("HMGET", campaign_key(campaign), "status", "finished_ms"))
  local is_new = status and resting(campaign) ~= redis.call("HGET", callbacks_key(campaign), "resting")
  if is_new then
    untell(campaign, redis.call("HGET", callbacks_key(campaign), "progress"))
    tell(campaign, "progress")
    told[#told + 1] = campaign
  end
  if not status or (finished and now - finished > tonumber(after_ms)) then
    redis.call("ZREM", reported_key(), campaign)
  else
    redis.call("ZADD", reported_key(), now + (finished and after_every_ms or every_ms), campaign)
  end
end
return told
