-- Undo what these sources said of a person. They stay on the suppression list while any other put them there.
-- It is remembered for as long as a gateway may tell the older word again.
-- ARGV[1] identity · ARGV[2] what was said after this moment (RFC 3339) stands, or "" · ARGV[3] what stands for the person
-- ARGV[4] the moment to remember (RFC 3339): the same, but none that is to come; or "" · ARGV[5] for how long, s
-- ARGV[6..] the sources
-- reply 1 off the list | 0 they stay, or were not on it
local identity, upto, hashed, moment, keep_s = unpack(ARGV, 1, 5)
local sources, relented = given_from(6), relented_key(hashed)
for _, source in ipairs(moment ~= "" and sources or {}) do
  if (redis.call("HGET", relented, source) or "") < moment then redis.call("HSET", relented, source, moment) end
  redis.call("EXPIRE", relented, keep_s)
end
local text = redis.call("HGET", suppressed_key(), identity)
if not text then return 0 end
local known = cjson.decode(text)
local left = sources_of(known)
for _, source in ipairs(sources) do
  if left[source] and (upto == "" or left[source] <= upto) then left[source] = nil end
end
if not next(left) then return redis.call("HDEL", suppressed_key(), identity) end

local first = known.source or ""
if not left[first] then
  for source, since in pairs(left) do
    local best = left[first]
    if not best or since < best or (since == best and source < first) then first = source end
  end
  known.source = first
end
redis.call("HSET", suppressed_key(), identity, with_sources(known, left))
return 0
