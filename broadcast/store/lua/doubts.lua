-- Who may be meant by the echo of a send: the contacts on the wire, those that nobody knows the outcome of, and those of
-- them that wait to be sent to again, or will not be. All of the wire at first, and so many of the others at a time.
-- ARGV[1] instance · ARGV[2] message id of the echo · ARGV[3] how long ago a contact may have departed, ms
-- ARGV[4] others that departed no sooner than this, Unix ms · ARGV[5] nor later than this, Unix ms or "+inf"
-- ARGV[6] how many of the others to look at · ARGV[7] "1" for the first time
-- reply {{{campaign, number, departed Unix ms, phone, values as JSON or ""}, ...}, where to go on: ARGV[5] of the next time,
--        which tells of the last ones once more, or ""}; none when the id is known already
local instance, message_id, since_ms, from, upto, most, is_first = unpack(ARGV)
if redis.call("EXISTS", message_key(instance, message_id)) == 1 then return { {}, "" } end
local since = now_ms() - since_ms
redis.call("ZREMRANGEBYSCORE", doubtful_key(instance), "-inf", since)
local found, seen = {}, {}
local in_doubt = { sending = true, unconfirmed = true, pending = true, booked = true, skipped = true, cancelled = true }

local function look_at(ref)
  local campaign, number = parts(ref)
  local status, phone, values, known_id, departed =
    unpack(redis.call("HMGET", contact_key(campaign, number), "status", "phone", "values", "message_id", "departed"))
  if in_doubt[status] and not known_id and not seen[ref] and tonumber(departed or 0) >= since then
    seen[ref] = true
    found[#found + 1] = { campaign, tonumber(number), tonumber(departed), phone, values or "" }
  end
end

if is_first == "1" then
  for _, ref in ipairs(redis.call("ZRANGE", sending_key(instance), 0, -1)) do look_at(ref) end
end
local held =
  redis.call("ZREVRANGEBYSCORE", doubtful_key(instance), upto, from, "WITHSCORES", "LIMIT", 0, tonumber(most))
for i = 1, #held, 2 do look_at(held[i]) end
if #held < 2 * most then return { found, "" } end
-- Where one moment has more than that, which no pace allows, the rest of it is left out.
return { found, held[#held] == upto and "(" .. upto or held[#held] }
