-- Note that news of an instance are acted on, where no deed of theirs notes it.
-- ARGV[1] instance · ARGV[2..] what stands for each
-- reply 1 some were not before | 0 all were
return is_first_told(ARGV[1], given_from(2)) and 1 or 0
