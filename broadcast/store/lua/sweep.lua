-- Cancel the next waiting contacts of a cancelled campaign. moves: pending > cancelled
-- ARGV[1] campaign · ARGV[2] how many at the most
-- reply how many still wait
local campaign, limit = ARGV[1], tonumber(ARGV[2])
if redis.call("HGET", campaign_key(campaign), "status") ~= "cancelled" then return 0 end
local numbers = redis.call("LPOP", pending_key(campaign), limit) or {}
local later = redis.call("ZPOPMIN", later_key(campaign), limit - #numbers)
for i = 1, #later, 2 do numbers[#numbers + 1] = later[i] end
for _, number in ipairs(numbers) do
  if redis.call("HGET", contact_key(campaign, number), "status") == "pending" then
    move(campaign, number, "pending", "cancelled")
  end
end
local left = redis.call("LLEN", pending_key(campaign)) + redis.call("ZCARD", later_key(campaign))
if left == 0 then redis.call("HDEL", chores_key(), "sweep:" .. campaign) end
return left
