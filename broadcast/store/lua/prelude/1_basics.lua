-- The clock, what a script is given, and who may ask how often.

-- Redis's own clock, so that all workers on all hosts share one. Whole ms; `now_us` where a wait is measured.
local function now_us()
  local time = redis.call("TIME")
  return time[1] * 1000000 + time[2]
end

local function now_ms()
  return math.floor(now_us() / 1000)
end

-- How long a key is there that holds for how long it was to be, ms; 0 where it is gone, or would be but for a clock that was
-- set back. Earlier versions kept a 1.
local function left_of(key)
  local left, most = redis.call("PTTL", key), tonumber(redis.call("GET", key) or 0)
  return (most <= 1 or left <= most) and math.max(left, 0) or 0
end

local function has(list, word)
  for item in string.gmatch(list, "[^,]+") do
    if item == word then return true end
  end
  return false
end

-- Take one request out of the bucket of whoever asks, which fills up evenly: 0, or ms until there is one.
local function take(name, most, period_ms)
  local per_ms, now = most / period_ms, now_ms()
  local left, at = unpack(redis.call("HMGET", bucket_key(name), "left", "at"))
  left = math.min(most, tonumber(left or most) + math.max(0, now - tonumber(at or now)) * per_ms)
  if left < 1 then return math.ceil((1 - left) / per_ms) end
  redis.call("HSET", bucket_key(name), "left", string.format("%.6f", left - 1), "at", now)
  redis.call("PEXPIRE", bucket_key(name), period_ms)
  return 0
end

-- Whether the created key of this digest is one still.
local function is_live(digest)
  local created, revoked = unpack(redis.call("HMGET", api_key_key(digest), "created", "revoked"))
  return created and not revoked
end

-- Note in a hash that a key is used now. Once a minute will do: people look at it. A full Redis keeps nobody out by that.
local function note_use(hash, field)
  local now = now_ms()
  if now - tonumber(redis.call("HGET", hash, field) or 0) >= 60000 then redis.pcall("HSET", hash, field, now) end
end

-- Something was removed that Redis's append-only file has still: that is to be written anew, at once or soon, and once more
-- when what expires by itself (a form, a receipt of an unknown id) is gone as well. What is removed within minutes is done
-- together.
local function note_rewrite(is_urgent)
  local now, every_ms = now_ms(), 1200000
  local later = math.ceil((now + every_ms) / every_ms) * every_ms
  for _, at in ipairs({ later, is_urgent and now or nil }) do
    redis.call("ZADD", rewrites_key(), at, string.format("%.0f", at))
  end
end

local is_passing = { pending = true, booked = true, sending = true }
-- Those of a campaign that somebody asks about, and may have sent again: listed, so that nobody has to look for them.
local is_listed = { failed = true, unconfirmed = true }

-- Whether a campaign of this status can be seen: it is accepted, and not being removed.
local function is_there(status)
  return status and status ~= "staging" and status ~= "removing"
end

-- The arguments from this one on; there may be more than can be unpacked.
local function given_from(first)
  local found = {}
  for i = first, #ARGV do found[#found + 1] = ARGV[i] end
  return found
end
