-- A page of campaigns, newest first.
-- ARGV[1] at or before this Unix ms ("+inf" for the first page) · ARGV[2] after this campaign at that ms, or ""
-- ARGV[3] how many · ARGV[4] only this status, or "" · ARGV[5] only these instances as JSON, or ""
-- reply {{campaign, accepted at ms, look}, ...}; see look.lua. One more than asked for means that there is more.
local before, after, limit, only_status, only_instances = unpack(ARGV)
local allowed = only_instances ~= "" and cjson.decode(only_instances)
local found, offset = {}, 0

local function wanted(campaign)
  local status, instance = unpack(redis.call("HMGET", campaign_key(campaign), "status", "instance"))
  if only_status ~= "" and status ~= only_status then return false end
  if not allowed then return true end
  for _, name in ipairs(allowed) do
    if name == instance then return true end
  end
  return false
end

while #found <= tonumber(limit) do
  local batch = redis.call("ZREVRANGEBYSCORE", campaigns_key(), before, "-inf", "WITHSCORES", "LIMIT", offset, 200)
  if #batch == 0 then break end
  for i = 1, #batch, 2 do
    local campaign, at = batch[i], batch[i + 1]
    local seen = after ~= "" and at == before and campaign >= after
    if not seen and wanted(campaign) and #found <= tonumber(limit) then
      found[#found + 1] = { campaign, at, look(campaign) }
    end
  end
  offset = offset + 200
end
return found
