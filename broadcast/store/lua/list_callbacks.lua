-- A campaign's callbacks, newest first.
-- ARGV[1] campaign · ARGV[2] before this number, or "+inf" · ARGV[3] only this state, or "" · ARGV[4] how many
-- ARGV[5] how many to look at, at the most
-- reply {address or "", "gone" when it wants no more or "", number to go on before or -1,
--        {{id, kind, state, at ms, attempts, HTTP status or "", error or "", next attempt ms or 0, done ms or 0}, ...}}
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
  local kind, state, at, attempts, http, err, done = unpack(redis.call("HMGET", callback_key(campaign, number),
    "kind", "state", "at_ms", "attempts", "http", "error", "done_ms"))
  if not kind then
    redis.call("ZREM", told_key(campaign), number)
  else
    if state == "waiting" and not redis.call("ZSCORE", outbox_key(campaign), number) then state = "failed" end
    if only == "" or only == state then
      rows[#rows + 1] = { callback_id(campaign, number), kind, state, tonumber(at), tonumber(attempts or 0), http or "",
        err or "", number == first and next_attempt() or 0, tonumber(done or 0) }
    end
  end
  local is_more = i < #numbers or #numbers == tonumber(most)
  if #rows == tonumber(limit) or i == #numbers then
    last = is_more and tonumber(number) or -1
    break
  end
end
return { url, off, last, rows }
