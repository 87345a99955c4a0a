-- Give back all that a lane's batches hold, because nobody is left to send it. moves: booked > pending, booked > cancelled
-- ARGV[1] instance
-- reply how many
local instance = ARGV[1]
local count = start_over(instance)
for _, ref in ipairs(redis.call("ZRANGE", sending_key(instance), 0, -1)) do
  local campaign, number = parts(ref)
  if redis.call("HGET", contact_key(campaign, number), "status") == "booked" then
    give_back(instance, campaign, number, "booked")
    count = count + 1
  end
end
return count
