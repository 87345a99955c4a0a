-- What stands between a lane and its next departure.
-- ARGV[1] instance
-- reply {now ms, lane hash, contacts that could leave, widest gap with its jitter ms, send workers, control workers,
--        contacts that are held although their lease is long over, how late the workers take what they are given, ms}
local instance = ARGV[1]
local now = now_ms()
local waiting, widest = 0, own_gap(instance)
for _, campaign in ipairs(redis.call("ZRANGE", ready_key(instance), 0, -1)) do
  local gap, jitter = unpack(redis.call("HMGET", campaign_key(campaign), "gap_ms", "jitter_ms"))
  widest = math.max(widest, tonumber(gap) + tonumber(jitter))
  waiting = waiting + could_leave(campaign)
end
local alive = now - 15000
return { now, redis.call("HGETALL", lane_key(instance)), waiting, widest,
  redis.call("ZCOUNT", workers_key("broadcast"), alive, "+inf"), redis.call("ZCOUNT", workers_key("control"), alive, "+inf"),
  redis.call("ZCOUNT", sending_key(instance), "-inf", now - 5000)
    + redis.call("ZCOUNT", booked_key(instance), "-inf", now - 10000), workers_behind(3000) }
