-- Store the next contacts of a campaign that is being accepted. Told twice, it does it once.
-- ARGV[1] campaign · ARGV[2] token · ARGV[3] lease, ms · ARGV[4] number of the first contact
-- ARGV[5..] per contact: phone, status, values as JSON or "", reason or "", detail or ""
-- reply 1 stored | 0 the claim was lost
local campaign, token, lease_ms, first = unpack(ARGV, 1, 4)
local held, staged = unpack(redis.call("HMGET", campaign_key(campaign), "token", "staged"))
if held ~= token then return 0 end
first = tonumber(first)
if tonumber(staged) ~= first then return tonumber(staged) > first and 1 or 0 end

local number = first
for i = 5, #ARGV, 5 do
  local phone, status, values, reason, detail = unpack(ARGV, i, i + 4)
  local fields = { "phone", phone, "status", status }
  if values ~= "" then fields[#fields + 1] = "values"; fields[#fields + 1] = values end
  if reason ~= "" then fields[#fields + 1] = "reason"; fields[#fields + 1] = reason end
  if detail ~= "" then fields[#fields + 1] = "detail"; fields[#fields + 1] = detail end
  redis.call("HSET", contact_key(campaign, number), unpack(fields))
  if status == "pending" then redis.call("RPUSH", pending_key(campaign), number) end
  number = number + 1
end
redis.call("HSET", campaign_key(campaign), "staged", number, "lease", now_ms() + lease_ms)
return 1
