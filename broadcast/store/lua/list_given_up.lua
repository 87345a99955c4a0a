-- Callbacks of all campaigns that were given up, newest first. Of those that are seen no more, none is listed.
-- ARGV[1] at or before this Unix ms ("+inf" for the first page) · ARGV[2] after this one at that ms, or ""
-- ARGV[3] how many · ARGV[4] only of these instances as JSON, or "" · ARGV[5] how many to look at, at the most
-- reply {{{campaign, instance, since when ms, callback; see list_callbacks.lua}, ...}, {ms, one} to go on after, or {} at the end}
local before, after, limit, only_instances, most = unpack(ARGV)
local allowed = only_instances ~= "" and {}
for _, name in ipairs(allowed and cjson.decode(only_instances) or {}) do allowed[name] = true end
local rows, looked_at, offset = {}, 0, 0

local function look_at(ref, at)
  local campaign, number = parts(ref)
  local status, instance = unpack(redis.call("HMGET", campaign_key(campaign), "status", "instance"))
  if not is_there(status) or (allowed and not allowed[instance]) then return end
  local row = callback_row(campaign, tonumber(number))
  if row then rows[#rows + 1] = { campaign, instance, tonumber(at), row } end
end

while true do
  local batch = redis.call("ZREVRANGEBYSCORE", given_up_key(), before, "-inf", "WITHSCORES", "LIMIT", offset, 200)
  if #batch == 0 then return { rows, {} } end
  for i = 1, #batch, 2 do
    local ref, at = batch[i], batch[i + 1]
    if after == "" or at ~= before or ref < after then
      look_at(ref, at)
      looked_at = looked_at + 1
      if #rows == tonumber(limit) or looked_at == tonumber(most) then
        local is_last = redis.call("ZRANK", given_up_key(), ref) == 0
        return { rows, is_last and {} or { at, ref } }
      end
    end
  end
  offset = offset + 200
end
