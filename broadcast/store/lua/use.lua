-- Look up the created keys that a call came with, and note that the first one that is not revoked is used.
-- ARGV[1], ARGV[2], ... SHA-256 of their secrets; none at all for who came without
-- reply {1 a key was ever created | 0, {key hash, or {} of none, ...}}
local rows, is_used = {}, false
for i, digest in ipairs(ARGV) do
  rows[i] = redis.call("HGETALL", api_key_key(digest))
  if not is_used and is_live(digest) then
    note_use(api_key_key(digest), "used")
    is_used = true
  end
end
return { redis.call("EXISTS", api_keys_key()), rows }
