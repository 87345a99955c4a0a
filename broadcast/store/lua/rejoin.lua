-- Say when a lane is to be looked at again, or that it has nothing to do.
-- ARGV[1] instance · ARGV[2] Unix ms, or "" to leave it alone until something asks for it · ARGV[3] claim from survey.lua
-- ARGV[4] what its rules make it wait for, or "" · ARGV[5] until when, Unix ms, or ""
-- reply 1 done | 0 somebody asked for the lane, or surveyed it, meanwhile, and it keeps its place
local instance, at, claim, waits, wait_ms = unpack(ARGV)
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
