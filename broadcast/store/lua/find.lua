-- The contacts of a campaign in whose phone the digits are.
-- ARGV[1] campaign · ARGV[2] digits · ARGV[3] from this number on · ARGV[4] up to this number, and not that one
-- reply {number, ...}
local campaign, digits, first, last = unpack(ARGV)
local found = {}
for number = tonumber(first), tonumber(last) - 1 do
  local phone = redis.call("HGET", contact_key(campaign, number), "phone")
  if phone and string.find(phone, digits, 1, true) then found[#found + 1] = number end
end
return found
