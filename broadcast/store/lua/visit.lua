-- Look at a session of the dashboard, and at the created key that it refers to; one that lasts asks for a page.
-- ARGV[1] id of the session · ARGV[2] digest of the key, "" for one of the settings · ARGV[3] name of that, or ""
-- ARGV[4] pages that its bucket holds, 0 where they are not counted · ARGV[5] time in which an empty one is full, ms
-- reply {1 logged out | 0, key hash, or {} of none, ms until it may ask again}
local id, digest, name, most, period_ms = unpack(ARGV)
if redis.call("EXISTS", ended_key(id)) == 1 then return { 1, {}, 0 } end
local key = digest == "" and {} or redis.call("HGETALL", api_key_key(digest))
if name ~= "" then note_use(api_keys_used_key(), name) end
if digest ~= "" and is_live(digest) then note_use(api_key_key(digest), "used") end
if most == "0" then return { 0, key, 0 } end
-- Where Redis is full nobody is counted, and everybody may look.
local is_counted, wait_ms = pcall(take, "session/" .. id, tonumber(most), tonumber(period_ms))
return { 0, key, is_counted and wait_ms or 0 }
