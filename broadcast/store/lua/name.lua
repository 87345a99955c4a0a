-- Let an instance be found by what its gateway's webhooks call it, if it was registered before that was kept.
-- ARGV[1] instance · ARGV[2] its names (a,b)
-- reply 1 | 0 its names are kept, or it is not registered
local instance, names = unpack(ARGV)
local key = instance_key(instance)
if redis.call("EXISTS", key) == 0 or redis.call("HSETNX", key, "names", names) == 0 then return 0 end
for name in string.gmatch(names, "[^,]+") do redis.call("SADD", named_key(name), instance) end
return 1
