-- Contacts of a campaign in their order, from one number on.
-- ARGV[1] campaign · ARGV[2] only this status, or "" · ARGV[3] only this reason ("unknown" is none), or ""
-- ARGV[4] after this number (-1: from the first) · ARGV[5] how many · ARGV[6] how many to look at, at the most
-- reply {{{number, contact hash}, ...}, the number to go on after, or -1 at the end}
local campaign, only, reason, after, limit, most = unpack(ARGV)
after, limit, most = tonumber(after), tonumber(limit), tonumber(most)
local total = tonumber(redis.call("HGET", campaign_key(campaign), "total") or 0)
local rows = {}

local function look_at(number)
  local status, because = unpack(redis.call("HMGET", contact_key(campaign, number), "status", "reason"))
  because = because or is_listed[status] and "unknown"
  if status and (only == "" or status == only) and (reason == "" or because == reason) then
    rows[#rows + 1] = { number, redis.call("HGETALL", contact_key(campaign, number)) }
  end
end

if is_listed[only] then
  local numbers = redis.call("ZRANGEBYSCORE", listed_key(campaign, only), "(" .. after, "+inf", "LIMIT", 0, most)
  for i, number in ipairs(numbers) do
    look_at(tonumber(number))
    if #rows == limit and (i < #numbers or #numbers == most) then return { rows, tonumber(number) } end
  end
  return { rows, #numbers == most and tonumber(numbers[most]) or -1 }
end
local number = after
while number < total - 1 and #rows < limit and number - after < most do
  number = number + 1
  look_at(number)
end
return { rows, number < total - 1 and number or -1 }
