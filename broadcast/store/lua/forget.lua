-- Remove what an attempt at accepting stored, if the campaign's claim is still its own.
-- ARGV[1] campaign · ARGV[2] token · ARGV[3] first contact · ARGV[4] one after the last
-- reply 1 removed | 0 the claim was lost
local campaign, token, first, after = unpack(ARGV)
if redis.call("HGET", campaign_key(campaign), "token") ~= token then return 0 end
for number = tonumber(first), tonumber(after) - 1 do redis.call("UNLINK", contact_key(campaign, number)) end
return 1
