-- Give up a claim that was not opened. Works in a full Redis as well: it only deletes.
-- ARGV[1] campaign · ARGV[2] token
-- reply how many contacts it leaves behind, for the caller to remove; 0 when it was not this attempt's
local campaign, token = unpack(ARGV)
local held, staged = unpack(redis.call("HMGET", campaign_key(campaign), "token", "staged"))
if held ~= token then return 0 end
redis.call("DEL", campaign_key(campaign), pending_key(campaign))
return tonumber(staged)
