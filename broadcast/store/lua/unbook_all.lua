-- Give back all that a lane's batches hold, because nobody is left to send it. moves: booked > pending, booked > cancelled
-- ARGV[1] instance
-- reply how many
return unbook(ARGV[1])
