-- Say when a lane is to be looked at again, or that it has nothing to do.
-- ARGV[1] instance · ARGV[2] Unix ms, or "" to leave it alone until something asks for it · ARGV[3] claim from survey.lua
-- ARGV[4] what its rules make it wait for, or "" · ARGV[5] until when, Unix ms, or ""
-- ARGV[6] the new credit of each lane, or "" · ARGV[7] since when it was as surveyed, Unix ms
-- reply 1 done | 0 somebody asked for the lane, or surveyed it, meanwhile, and it keeps its place
local instance, at, claim, waits, wait_ms, credit, since = unpack(ARGV)
local had, had_since, behind = unpack(redis.call("HMGET", flow_key(), "credit", "since", "behind"))
if credit ~= "" and tonumber(had_since or 0) == tonumber(since) then  -- nobody else was first
  -- What comes of less is seen when all who stand in line by then are gone.
  local line = tonumber(credit) < tonumber(had or 0) and behind or 0
  redis.call("HSET", flow_key(), "credit", credit, "since", now_ms() + line)
end
if waits ~= "" then
  redis.call("HSET", lane_key(instance), "waits", waits, "wait_ms", wait_ms)
else
  redis.call("HDEL", lane_key(instance), "waits", "wait_ms")
end
if tonumber(redis.call("ZSCORE", lanes_key(), instance) or 0) ~= tonumber(claim) then return 0 end
if at == "" then
  redis.call("ZREM", lanes_key(), instance)
else
  redis.call("ZADD", lanes_key(), at, instance)
end
return 1
