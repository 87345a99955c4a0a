-- A campaign's callbacks, newest first.
-- ARGV[1] campaign · ARGV[2] before this number, or "+inf" · ARGV[3] only this state, or "" · ARGV[4] how many
-- ARGV[5] how many to look at, at the most
-- reply {address or "", "gone" when it wants no more or "", number to go on before or -1,
--        {{id, kind, state, at ms, attempts, HTTP status or "", error or "", done ms or 0, next attempt ms or 0}, ...}}
local campaign, before, only, limit, most = unpack(ARGV)
local url, host = unpack(redis.call("HMGET", campaign_key(campaign), "callback_url", "callback_host"))
if not url then return { "", "", -1, {} } end
local off = redis.call("HGET", callbacks_key(campaign), "off") or ""
local first = redis.call("ZRANGE", outbox_key(campaign), 0, 0)[1]
local rows, last = {}, -1

local function next_attempt()
  local due = tonumber(redis.call("ZSCORE", calling_key(host), campaign) or 0)
  return math.max(due, tonumber(redis.call("HGET", host_key(host), "rest") or 0))
end

local bound = before == "+inf" and before or "(" .. before
local numbers = redis.call("ZREVRANGEBYSCORE", told_key(campaign), bound, "-inf", "LIMIT", 0, most)
for i, number in ipairs(numbers) do
  local row = callback_row(campaign, number)
  if not row then
    redis.call("ZREM", told_key(campaign), number)
  elseif only == "" or only == row[3] then
    row[9] = number == first and next_attempt() or 0
    rows[#rows + 1] = row
  end
  local is_more = i < #numbers or #numbers == tonumber(most)
  if #rows == tonumber(limit) or i == #numbers then
    last = is_more and tonumber(number) or -1
    break
  end
end
return { url, off, last, rows }
