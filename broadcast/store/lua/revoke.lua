-- Revoke the API key of a name, and set the name free. The key stays, and says since when it is revoked.
-- ARGV[1] name
-- reply 1 revoked; 0 no key that is not revoked has the name
local name = ARGV[1]
local digest = redis.call("HGET", api_key_names_key(), name)
if not digest then return 0 end
redis.call("HDEL", api_key_names_key(), name)
redis.call("HSET", api_key_key(digest), "revoked", now_ms())
return 1
