-- Hold a whole lane, or open it again.
-- ARGV[1] instance · ARGV[2] "paused", "closed", "restricted" or "" to open · ARGV[3] reason · ARGV[4] detail
-- ARGV[5] only if the lane is held so (a,b), or "" for always
-- reply 1 done | 0 left as it was
local instance, hold, reason, detail, only_if = unpack(ARGV)
local held = redis.call("HGET", lane_key(instance), "hold")
if only_if ~= "" and not has(only_if, held or "open") then return 0 end
if hold == "" then
  redis.call("HDEL", lane_key(instance), "hold", "reason", "detail", "held_ms")
  redis.call("HSET", lane_key(instance), "opened_ms", now_ms())
  redis.call("DEL", recent_key(instance))
  look_at_lane(instance, now_ms())
else
  redis.call("HSET", lane_key(instance), "hold", hold, "reason", reason, "detail", detail, "held_ms", now_ms())
end
return 1
