-- End a run's turn at a CRM's host.
-- ARGV[1] host · ARGV[2] token of the claim or of the run
-- reply 1 done | 0 it is another's
local host, token = unpack(ARGV)
if redis.call("HGET", host_key(host), "held") ~= token then return 0 end
hang_up(host)
return 1
