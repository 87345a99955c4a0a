-- Hold a whole lane, or open it again: a person, or its gateway, whose word is kept under a person's pause.
-- ARGV[1] instance · ARGV[2] "paused", "closed", "restricted" or "" to open · ARGV[3] reason · ARGV[4] detail
-- ARGV[5] only if the gateway has it held so (a,b,open), or "" for always
-- ARGV[6] for news of the connection: when they are of, Unix ms by the gateway's clock, or "now"; "" for all else
-- ARGV[7] how long a gateway may try to tell such news, ms · ARGV[8] "1": by a wall clock, in a zone that nobody knows
-- ARGV[9] whose clock that is, "" where nobody says
-- ARGV[10] the contact (campaign:number) that the detail is about, or "" for nobody's
-- ARGV[11..] the failures that it is done for, once each
-- reply 1 done | 0 left as it was
local instance, hold, reason, detail, only_if, at, tried_for, wall, clock, of = unpack(ARGV, 1, 10)
if not is_first_told(instance, given_from(11)) then return 0 end
if of ~= "" and is_forgotten(parts(of)) then detail = "" end
local now, clocks_ms = now_ms(), 60000  -- how far apart two clocks may be

-- What was told by the clock of another gateway, such as the one that the settings named before, says nothing of this one's.
local function keep_to_clock()
  if clock == "" then return end
  local heard_by = redis.call("HGET", lane_key(instance), "clock")
  if heard_by and heard_by ~= clock then forget_clock(instance) end
  redis.call("HSET", lane_key(instance), "clock", clock)
end

-- When the news are of, by our clock; false for what is no newer than the newest: it is told again, or too late. But what
-- would be later than a gateway tries is by a clock that was put back; and of no time, or one to come, it is of now. By a
-- clock that is behind, all news are late: by how much, that tells which came the soonest.
local function news_ms()
  keep_to_clock()
  local newest, heard, last, behind =
    unpack(redis.call("HMGET", lane_key(instance), "news_ms", "heard_ms", "news_at", "behind_ms"))
  local of = tonumber(at)
  if of and at == last then return false end
  redis.call("HSET", lane_key(instance), "news_at", at)
  if not of or (wall ~= "1" and of > now + clocks_ms) then
    redis.call("HSET", lane_key(instance), "news_ms", now, "heard_ms", now)
    if of then redis.call("HDEL", lane_key(instance), "behind_ms") end
    return now
  end
  local late = newest and newest + now - (heard or now) - of or 0
  if newest and of <= tonumber(newest) and late <= tonumber(tried_for) then return false end
  redis.call("HSET", lane_key(instance), "news_ms", of, "heard_ms", now)
  if wall ~= "1" then
    late = math.max(now - of - (behind or 0), 0)
    redis.call("HSET", lane_key(instance), "behind_ms", math.max(math.min(now - of, tonumber(behind) or math.huge), 0))
  end
  return late > tonumber(tried_for) and now or now - late
end

local told = at == "" and now or news_ms()
if not told then return 0 end
if only_if ~= "" and not has(only_if, held_by_gateway(instance) or "open") then return 0 end
local found = redis.call("HGET", lane_key(instance), "found_ms")
if hold == "" and found and told < found - clocks_ms then return 0 end  -- it closed since, as an answer found
if hold == "paused" then
  pause_lane(instance, reason, detail)
  for _, campaign in ipairs(redis.call("ZRANGE", ready_key(instance), 0, -1)) do upset(campaign, "instance_paused") end
elseif hold ~= "" then
  close_lane(instance, hold, reason, detail, of, at == "")
elseif at == "" and only_if == "" then
  resume_lane(instance)
else
  clear_lane(instance)
end
return 1
