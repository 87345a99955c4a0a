-- Complete a campaign that has nothing left to send.
-- ARGV[1] campaign
-- reply 1 completed by this call | 0 not finished, or finished before
return finish(ARGV[1])
