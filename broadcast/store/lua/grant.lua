-- Keep a new API key, unless a key that is not revoked has its name.
-- ARGV[1] SHA-256 of the secret · ARGV[2] name · ARGV[3] scopes, comma separated · ARGV[4] instances as JSON, "" for every
-- reply 1 kept; 0 the name is taken
local digest, name, scopes, instances = unpack(ARGV)
if redis.call("HSETNX", api_key_names_key(), name, digest) == 0 then return 0 end
local now = now_ms()
redis.call("HSET", api_key_key(digest), "name", name, "scopes", scopes, "instances", instances, "created", now, "used", 0)
redis.call("ZADD", api_keys_key(), now, digest)
return 1
