-- What a campaign would find on a lane, at one instant.
-- ARGV[1] instance
-- reply {now ms, lane hash, {{contacts that are still to leave, priority, gap ms, jitter ms}, ...} of the running campaigns}
local instance = ARGV[1]
local rows = {}
for _, campaign in ipairs(redis.call("ZRANGE", ready_key(instance), 0, -1)) do
  local priority, gap, jitter = unpack(redis.call("HMGET", campaign_key(campaign), "priority", "gap_ms", "jitter_ms"))
  local pending, booked = unpack(redis.call("HMGET", tally_key(campaign), "pending", "booked"))
  rows[#rows + 1] = { tonumber(pending or 0) + tonumber(booked or 0), tonumber(priority), tonumber(gap), tonumber(jitter) }
end
return { now_ms(), redis.call("HGETALL", lane_key(instance)), rows }
