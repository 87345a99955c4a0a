-- What became of the campaigns that somebody follows: all that the API shows of each that changed, at one instant.
-- ARGV[1] campaign · ARGV[2] the revision that is known of it, or "" to look at it anyhow · and so on, in pairs
-- reply {look as in look.lua | 0 it did not change | false no such campaign, ...}, in the order they were asked for
local found = {}
for i = 1, #ARGV, 2 do
  local campaign, known = ARGV[i], ARGV[i + 1]
  local same = known ~= "" and redis.call("HGET", campaign_key(campaign), "rev") == known
  found[#found + 1] = same and 0 or look(campaign)
end
return found
