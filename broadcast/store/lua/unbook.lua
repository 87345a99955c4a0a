-- Give back contacts of a lane that a worker held and will not send. moves: booked > pending, booked > cancelled
-- ARGV[1] instance · ARGV[2..] per contact: campaign, number, batch that held it
-- reply how many; those that are not booked by that batch any more stay as they are
local instance = ARGV[1]
local held = {}
for i = 2, #ARGV, 3 do
  local campaign, number, batch = unpack(ARGV, i, i + 2)
  local status, of, slot = unpack(redis.call("HMGET", contact_key(campaign, number), "status", "batch", "slot"))
  if status == "booked" and of == batch then held[#held + 1] = { campaign, number, tonumber(slot) } end
end
table.sort(held, function(one, other) return one[3] > other[3] end)  -- from the back: the first one is in front again
for _, contact in ipairs(held) do give_back(instance, contact[1], contact[2], "booked") end
return #held
