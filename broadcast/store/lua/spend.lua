-- Take one request out of a caller's bucket, which fills up evenly.
-- ARGV[1] caller · ARGV[2] requests that the bucket holds · ARGV[3] time in which an empty one is full, ms
-- reply 0 taken; else ms until there is one
local caller, most, period_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local per_ms, now = most / period_ms, now_ms()
local left, at = unpack(redis.call("HMGET", bucket_key(caller), "left", "at"))
left = math.min(most, tonumber(left or most) + math.max(0, now - tonumber(at or now)) * per_ms)
if left < 1 then return math.ceil((1 - left) / per_ms) end
redis.call("HSET", bucket_key(caller), "left", string.format("%.6f", left - 1), "at", now)
redis.call("PEXPIRE", bucket_key(caller), period_ms)
return 0
