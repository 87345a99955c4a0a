-- Claim a deed that one process does for all, for a while.
-- ARGV[1] deed · ARGV[2] the while, ms
-- reply 1 it is the caller's | 0 another has it
local left_ms, for_ms = redis.call("PTTL", claim_key(ARGV[1])), tonumber(ARGV[2])
-- For longer than that nobody has it: Redis's clock was set back since.
if left_ms >= 0 and left_ms <= for_ms then return 0 end
redis.call("SET", claim_key(ARGV[1]), 1, "PX", for_ms)
return 1
