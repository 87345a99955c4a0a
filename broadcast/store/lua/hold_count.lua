-- Hold on to the claim to count a campaign's summary, or give it up, if it is one's own still.
-- ARGV[1] campaign · ARGV[2] the state that is counted · ARGV[3] token · ARGV[4] for how long, s; 0: give it up
-- reply 1 done | 0 it was another's, or nobody's
local counting, token, lease_s = counting_key(ARGV[1], ARGV[2]), ARGV[3], ARGV[4]
if redis.call("GET", counting) ~= token then return 0 end
return redis.call("EXPIRE", counting, lease_s)
