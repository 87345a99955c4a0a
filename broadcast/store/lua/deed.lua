-- Claim a deed that one process does for all, for a while.
-- ARGV[1] deed · ARGV[2] the while, ms
-- reply 1 it is the caller's | 0 another has it
if left_of(claim_key(ARGV[1])) > 0 then return 0 end
redis.call("SET", claim_key(ARGV[1]), ARGV[2], "PX", ARGV[2])
return 1
