-- Say when a lane is to be looked at again, or that it has nothing to do.
-- ARGV[1] instance · ARGV[2] Unix ms, or "" to leave it alone until something asks for it · ARGV[3] claim from survey.lua
-- reply 1 done | 0 somebody asked for the lane meanwhile, and it keeps its place
local instance, at, claim = unpack(ARGV)
if tonumber(redis.call("ZSCORE", lanes_key(), instance) or 0) < tonumber(claim) then return 0 end
if at == "" then
  redis.call("ZREM", lanes_key(), instance)
else
  redis.call("ZADD", lanes_key(), at, instance)
end
return 1
