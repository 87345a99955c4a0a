-- When contacts of a campaign came to rest, for a chart: every so many of them.
-- ARGV[1] campaign · ARGV[2] from this number on · ARGV[3] up to this number, and not that one · ARGV[4] every so many
-- ARGV[5…] statuses
-- reply {{number, Unix ms or "", ...}, ...}: a row for each contact that has any, in the order of the statuses
local campaign, first, last, every = unpack(ARGV, 1, 4)
local names, rows = {}, {}
for i = 5, #ARGV do names[#names + 1] = "at_" .. ARGV[i] end
for number = tonumber(first), tonumber(last) - 1, tonumber(every) do
  local row, has_any = redis.call("HMGET", contact_key(campaign, number), unpack(names)), false
  for i = 1, #names do
    has_any = has_any or row[i]
    row[i] = row[i] or ""
  end
  if has_any then
    table.insert(row, 1, number)
    rows[#rows + 1] = row
  end
end
return rows
