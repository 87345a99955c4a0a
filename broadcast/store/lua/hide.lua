-- Keep a person who is on the suppression list there by what stands for them alone, their number nowhere in it.
-- ARGV[1] identity · ARGV[2] what stands for them
-- reply 1 | 0 they are not on it
local identity, hashed = ARGV[1], ARGV[2]
redis.call("DEL", relented_key(hashed))
local known = redis.call("HGET", suppressed_key(), identity)
if not known then return is_suppressed(identity, hashed) and 1 or 0 end
known = cjson.decode(known)
known.phone = nil
redis.call("HDEL", suppressed_key(), identity, redis.sha1hex(identity))
redis.call("HSET", suppressed_key(), hashed, next(known) and cjson.encode(known) or "{}")
local fingerprint = string.match(hashed, "^(.*):")
if fingerprint then redis.call("SADD", hashed_with_key(), fingerprint) end
return 1
