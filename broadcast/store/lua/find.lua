-- The contacts of a campaign in whose phone the digits are.
-- ARGV[1] campaign · ARGV[2] digits · ARGV[3] from this number on · ARGV[4] up to this number, and not that one
-- ARGV[5] only this status, or "" · ARGV[6] only this reason ("unknown" is none), or ""
-- reply {number, ...}
local campaign, digits, first, last, only, reason = unpack(ARGV)
local found = {}
for number = tonumber(first), tonumber(last) - 1 do
  local phone, status, because = unpack(redis.call("HMGET", contact_key(campaign, number), "phone", "status", "reason"))
  because = because or is_listed[status] and "unknown"
  if phone and string.find(phone, digits, 1, true) and (only == "" or status == only)
    and (reason == "" or because == reason) then
    found[#found + 1] = number
  end
end
return found
