-- Give up a claim that was not opened, when what it stored is removed. Works in a full Redis as well: it only deletes.
-- ARGV[1] campaign · ARGV[2] token
-- reply 1 given up | 0 it was not this attempt's
local campaign, token = unpack(ARGV)
if redis.call("HGET", campaign_key(campaign), "token") ~= token then return 0 end
redis.call("DEL", campaign_key(campaign), pending_key(campaign))
redis.call("ZREM", stagings_key(), campaign)
return 1
