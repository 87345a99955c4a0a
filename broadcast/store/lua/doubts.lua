-- Who may be meant by the echo of a send: the contacts on the wire, those that nobody knows the outcome of, and those of
-- them that wait to be sent to again, or will not be.
-- ARGV[1] instance · ARGV[2] message id of the echo · ARGV[3] how long ago a contact may have departed, ms
-- reply {{campaign, number, departed Unix ms, phone, values as JSON or ""}, ...}; none when the id is known already
local instance, message_id, since_ms = unpack(ARGV)
if redis.call("EXISTS", message_key(instance, message_id)) == 1 then return {} end
local since = now_ms() - since_ms
redis.call("ZREMRANGEBYSCORE", doubtful_key(instance), "-inf", since)
local found, seen = {}, {}
local in_doubt = { sending = true, unconfirmed = true, pending = true, booked = true, skipped = true, cancelled = true }
for _, held in ipairs({ sending_key(instance), doubtful_key(instance) }) do
  for _, ref in ipairs(redis.call("ZREVRANGE", held, 0, 499)) do
    local campaign, number = parts(ref)
    local status, phone, values, known_id, departed =
      unpack(redis.call("HMGET", contact_key(campaign, number), "status", "phone", "values", "message_id", "departed"))
    if in_doubt[status] and not known_id and not seen[ref] and tonumber(departed or 0) >= since then
      seen[ref] = true
      found[#found + 1] = { campaign, tonumber(number), tonumber(departed), phone, values or "" }
    end
  end
end
return found
