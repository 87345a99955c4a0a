-- Add the next contacts of a chunk to an open campaign. Told twice, it does it once, and says the same. A chunk without
-- any takes up no number.
-- ARGV[1] campaign · ARGV[2] chunk · ARGV[3] which part of it, from 0 · ARGV[4] digest of the chunk up to its end
-- ARGV[5] the most contacts of a campaign
-- ARGV[6..] per contact: phone, identity or "", its hash or "", values as JSON or "", reason or "", detail or ""
-- reply {"added", {reason or "", ...}} | {"other"} the chunk held something else | {"full"} | {"closed", status}, or false:
-- no such campaign
local campaign, chunk, part, digest, most = unpack(ARGV, 1, 5)
local key, field = campaign_key(campaign), chunk .. ":" .. part
local status, is_open, total, left_out = unpack(redis.call("HMGET", key, "status", "open", "total", "left_out"))
if not is_there(status) then return false end
if not is_open or status ~= "scheduled" then return { "closed", status } end
local count, reasons = (#ARGV - 5) / 6, {}

local known = redis.call("HGET", chunks_key(campaign), field)
if known then
  local first, of = string.match(known, "^(%d+) (.*)$")
  if of ~= digest then return { "other" } end
  for number = tonumber(first), first + count - 1 do
    reasons[#reasons + 1] = redis.call("HGET", contact_key(campaign, number), "reason") or ""
  end
  return { "added", reasons }
end
if count == 0 and part == "0" then return { "added", {} } end
total = tonumber(total)
if total + count > tonumber(most) then return { "full" } end

local is_list_empty = redis.call("HLEN", suppressed_key()) == 0
local function why_not(identity, hashed, reason)
  if identity == "" then return reason end
  -- Of who was forgotten since they were added, what stands for them is there.
  local forms = { identity, hashed, redis.sha1hex(identity) }
  for _, is_there in ipairs(redis.call("SMISMEMBER", identities_key(campaign), unpack(forms))) do
    if is_there == 1 then return "duplicate" end
  end
  if not is_list_empty and is_suppressed(identity, hashed) then return "opted_out" end
  -- Only who is sent to is kept: another row of somebody who is left out may be the corrected one.
  if reason == "" then redis.call("SADD", identities_key(campaign), identity) end
  return reason
end

left_out = cjson.decode(left_out)
local pending = {}
for i = 6, #ARGV, 6 do
  local phone, identity, hashed, values, given, detail = unpack(ARGV, i, i + 5)
  local number = total + #reasons
  local reason = why_not(identity, hashed, given)
  local fields = { "phone", phone, "status", reason == "" and "pending" or "skipped" }
  if values ~= "" then fields[#fields + 1] = "values"; fields[#fields + 1] = values end
  if reason == "" then
    pending[#pending + 1] = number
  else
    fields[#fields + 1] = "reason"; fields[#fields + 1] = reason
    if detail ~= "" and reason == given then fields[#fields + 1] = "detail"; fields[#fields + 1] = detail end
    left_out[reason] = (left_out[reason] or 0) + 1
  end
  redis.call("HSET", contact_key(campaign, number), unpack(fields))
  reasons[#reasons + 1] = reason
end
if #pending > 0 then redis.call("RPUSH", pending_key(campaign), unpack(pending)) end
redis.call("HINCRBY", tally_key(campaign), "pending", #pending)
redis.call("HINCRBY", tally_key(campaign), "skipped", count - #pending)
redis.call("HSET", chunks_key(campaign), field, total .. " " .. digest)
revise(campaign)
redis.call("HSET", key, "total", total + count, "left_out", cjson.encode(left_out))
return { "added", reasons }
