-- Forget the callbacks of a campaign that is to be forgotten, delivered or not, so many at a time.
-- ARGV[1] campaign · ARGV[2] how many at the most
-- reply how many are left
return forget_callbacks(ARGV[1], ARGV[2])
