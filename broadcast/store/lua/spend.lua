-- Take one request out of a caller's bucket, which fills up evenly.
-- ARGV[1] caller · ARGV[2] requests that the bucket holds · ARGV[3] time in which an empty one is full, ms
-- ARGV[4] 1 a key of the settings, whose use is noted | 0
-- reply 0 taken; else ms until there is one
local caller, most, period_ms, is_of_settings = unpack(ARGV)
if is_of_settings == "1" then note_use(api_keys_used_key(), caller) end
return take(caller, tonumber(most), tonumber(period_ms))
