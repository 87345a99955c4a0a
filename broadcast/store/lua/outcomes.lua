-- What became of a campaign's contacts, as far as a summary needs it.
-- ARGV[1] campaign · ARGV[2] from this number on · ARGV[3] how many
-- reply {{status, reason or "", all attempts, departed Unix ms or "", delivered or else read Unix ms or ""}, ...}; fewer than
-- asked for at the end
local campaign, first, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local total = tonumber(redis.call("HGET", campaign_key(campaign), "total") or 0)
local rows = {}
for number = first, math.min(first + count, total) - 1 do
  local status, reason, attempts, earlier, departed, delivered, read = unpack(redis.call("HMGET",
    contact_key(campaign, number), "status", "reason", "attempts", "earlier", "departed", "at_delivered", "at_read"))
  local made = tostring((attempts or 0) + (earlier or 0))
  rows[#rows + 1] = { status or "", reason or "", made, departed or "", delivered or read or "" }
end
return rows
