-- Give up the receipts whose id nobody ever knew, and count them. (ARGV[1] is not used.)
-- reply how many ids
local given_up = redis.call("ZREMRANGEBYSCORE", strays_key(), "-inf", now_ms())
if given_up > 0 then redis.call("INCRBY", unknown_key(), given_up) end
return given_up
