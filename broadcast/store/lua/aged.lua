-- Campaigns that ended long ago, among the oldest.
-- ARGV[1] so many ms ago or more · ARGV[2] how many of the oldest to pass over · ARGV[3] how many to look at
-- reply {how many were looked at, {campaign, ...}}
local before, over, most = now_ms() - ARGV[1], ARGV[2], ARGV[3]
-- Nothing ends before it was accepted.
local oldest = redis.call("ZRANGEBYSCORE", campaigns_key(), "-inf", before, "LIMIT", over, most)
local aged = {}
for _, campaign in ipairs(oldest) do
  local finished = redis.call("HGET", campaign_key(campaign), "finished_ms")
  if finished and tonumber(finished) <= before then aged[#aged + 1] = campaign end
end
return { #oldest, aged }
