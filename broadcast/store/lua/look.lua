-- All that the API shows of one campaign, at one instant.
-- ARGV[1] campaign
-- reply {campaign hash, tally hash, lane hash, {now ms, highest priority in the lane, send workers, control workers, could leave, the instance's own gap ms, the last waits until ms or 0,
--        how late the workers take what they are given ms}} | false
return look(ARGV[1])
