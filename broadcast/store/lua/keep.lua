-- Keep an instance as it was registered, and find it from now on by what its gateway's webhooks call it, by no other name.
-- ARGV[1] instance · ARGV[2] its names (a,b) · ARGV[3..] all else that is kept: field, value
-- reply its new version
local instance, names = unpack(ARGV, 1, 2)
local key = instance_key(instance)
local was_app, was_account = app_and_account(instance)
local function at()
  local dialect, url = unpack(redis.call("HMGET", key, "dialect", "url"))
  return (dialect or "") .. " " .. (url or "")
end
local was_at = at()
for name in string.gmatch(redis.call("HGET", key, "names") or "", "[^,]+") do
  redis.call("SREM", named_key(name), instance)
end
redis.call("HSET", key, "names", names, unpack(ARGV, 3))
if at() ~= was_at then  -- the one before had its own clock, asked for its own rests, and failed its own messages
  forget_clock(instance)
  redis.call("HDEL", lane_key(instance), "found_ms", "rest", "rest_reason")
  redis.call("DEL", recent_key(instance))
end
redis.call("SADD", instances_key(), instance)
note_default(instance)
for name in string.gmatch(names, "[^,]+") do redis.call("SADD", named_key(name), instance) end
local app, account = app_and_account(instance)
if app and app ~= was_app then rest_with(instance, app) end
if app and account and (app ~= was_app or account ~= was_account) then rest_with(instance, app .. "," .. account) end
redis.call("HDEL", lane_key(instance), "reopened", "account")  -- its number, and what that was answered, may be others
return redis.call("HINCRBY", key, "version", 1)
