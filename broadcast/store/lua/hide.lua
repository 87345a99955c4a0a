-- Keep a person who is on the suppression list there by what stands for them alone, their number nowhere in it.
-- Where it is known from in somebody's own words, that goes as well: those may be of anything.
-- ARGV[1] identity · ARGV[2] what stands for them · ARGV[3..] how the sources begin that are in words of ours
-- reply 1 | 0 they are not on it
local identity, hashed = ARGV[1], ARGV[2]
local function of_ours(source)
  for _, beginning in ipairs(given_from(3)) do
    if string.sub(source, 1, #beginning) == beginning then return source end
  end
  return ""
end

redis.call("DEL", relented_key(hashed))
local known = redis.call("HGET", suppressed_key(), identity)
if not known then return is_suppressed(identity, hashed) and 1 or 0 end
known = cjson.decode(known)
local sources = {}
for source, since in pairs(sources_of(known)) do sources[of_ours(source)] = since end
known.phone = nil
known.source = known.source and of_ours(known.source)
local kept = with_sources(known, sources)
redis.call("HDEL", suppressed_key(), identity, redis.sha1hex(identity))
redis.call("HSET", suppressed_key(), hashed, kept)
local fingerprint = string.match(hashed, "^(.*):")
if fingerprint then redis.call("SADD", hashed_with_key(), fingerprint) end
return 1
