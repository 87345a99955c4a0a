-- Contacts of a campaign in their order, from one number on.
-- ARGV[1] campaign · ARGV[2] only this status, or "" · ARGV[3] after this number (-1: from the first)
-- ARGV[4] how many · ARGV[5] how many to look at, at the most
-- reply {{{number, contact hash}, ...}, the number to go on after, or -1 at the end}
local campaign, only, after, limit, most = unpack(ARGV)
after, limit, most = tonumber(after), tonumber(limit), tonumber(most)
local total = tonumber(redis.call("HGET", campaign_key(campaign), "total") or 0)
local rows = {}

if is_listed[only] then
  local numbers = redis.call("ZRANGEBYSCORE", listed_key(campaign, only), "(" .. after, "+inf", "LIMIT", 0, limit + 1)
  for i = 1, math.min(#numbers, limit) do
    rows[i] = { tonumber(numbers[i]), redis.call("HGETALL", contact_key(campaign, numbers[i])) }
  end
  return { rows, #numbers > limit and rows[limit][1] or -1 }
end
local number = after
while number < total - 1 and #rows < limit and number - after < most do
  number = number + 1
  local status = redis.call("HGET", contact_key(campaign, number), "status")
  if status and (only == "" or status == only) then
    rows[#rows + 1] = { number, redis.call("HGETALL", contact_key(campaign, number)) }
  end
end
return { rows, number < total - 1 and number or -1 }
