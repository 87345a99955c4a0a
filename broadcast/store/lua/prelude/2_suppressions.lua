-- Who wants no more messages, and where that is known from.

-- Whether a person wants no more messages. Of who was forgotten, the list has what stands for them alone: `hashed`, or the
-- plain hash that was made without a key, which then gives way to it.
local function is_suppressed(identity, hashed)
  if redis.call("HEXISTS", suppressed_key(), identity) == 1 then return true end
  if redis.call("HEXISTS", suppressed_key(), hashed) == 1 then return true end
  local plain = redis.sha1hex(identity)
  local known = redis.call("HGET", suppressed_key(), plain)
  if not known then return false end
  local fingerprint = string.match(hashed, "^(.*):")
  if fingerprint then
    redis.call("HSET", suppressed_key(), hashed, known)
    redis.call("HDEL", suppressed_key(), plain)
    redis.call("SADD", hashed_with_key(), fingerprint)
  end
  return true
end

-- What put a person on the suppression list: source -> since. Each counts by itself.
local function sources_of(known)
  local found = known.also or {}
  found[known.source or ""] = known.since or ""
  return found
end

-- What is known of a person once more, as JSON: this source comes first, and `also` has the others.
local function with_sources(known, sources)
  local first = known.source or ""
  if known.source then known.since = sources[first] end
  sources[first] = nil
  known.also = next(sources) and sources or nil
  return cjson.encode(known)
end

-- Both of what is known of a person, with the later moment where they are of one source; the first comes first.
local function merged(first, second)
  local sources = sources_of(first)
  for source, since in pairs(sources_of(second)) do
    if (sources[source] or "") < since then sources[source] = since end
  end
  return with_sources(first, sources)
end
