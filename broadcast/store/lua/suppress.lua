-- Put people on the suppression list. What the gateway says of who is there is kept beside what is known, each instance's by
-- itself; what somebody wrote or an operator entered comes before that. Of such there is one: the first.
-- ARGV[1], ARGV[2] how sources that are the gateway's begin
-- ARGV[3] "1": told by a gateway, which may have told since that it is taken back; see relent.lua
-- ARGV[4], ARGV[5], ARGV[6].. per person: identity, what stands for them once they are forgotten, what is known as JSON
-- reply {1 new | 0 there already, or taken back since, ...}
local function is_gateways(known)
  local source = known.source or ""
  return string.sub(source, 1, #ARGV[1]) == ARGV[1] or string.sub(source, 1, #ARGV[2]) == ARGV[2]
end

local function is_taken_back(hashed, known)
  return ARGV[3] == "1" and known.since < (redis.call("HGET", relented_key(hashed), known.source) or "")
end

local function put(identity, hashed, text)
  local was = redis.call("HGET", suppressed_key(), identity)
  if was then
    local is = cjson.decode(text)
    was = cjson.decode(was)
    if not is_gateways(is) then
      if is_gateways(was) then redis.call("HSET", suppressed_key(), identity, merged(is, was)) end
    elseif not string.find(is.source, ", ", 1, true) then  -- several: an export that comes back
      redis.call("HSET", suppressed_key(), identity, merged(was, is))
    end
  end
  local is_new = not is_suppressed(identity, hashed)
  if is_new then redis.call("HSET", suppressed_key(), identity, text) end
  return is_new and 1 or 0
end

local words = {}
for i = 4, #ARGV, 3 do
  local identity, hashed, text = unpack(ARGV, i, i + 2)
  words[#words + 1] = is_taken_back(hashed, cjson.decode(text)) and 0 or put(identity, hashed, text)
end
return words
