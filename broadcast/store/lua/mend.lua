-- Take back what a dead worker held. moves: booked > pending, booked > cancelled, sending > unconfirmed
-- ARGV[1] instance · ARGV[2] how long after its slot a booked contact is overdue, ms
-- reply {booked ones taken back, overdue ones past the fence}
local instance, grace = ARGV[1], tonumber(ARGV[2])
local now = now_ms()

-- One contact overdue means that a worker is gone, or a batch was never published. The whole lane starts over: to wait
-- for each slot to pass, or to book behind what is left, would keep it idle for a horizon. A task that is alive after all
-- finds its contact gone, and the contact has another.
local is_lost = redis.call("ZCOUNT", booked_key(instance), "-inf", now - grace) > 0
local booked = is_lost and redis.call("ZREVRANGE", booked_key(instance), 0, -1) or {}
for _, ref in ipairs(booked) do  -- from the back, so that the first one is in front again
  local campaign, number = string.match(ref, "^(.*):(%d+)$")
  give_back(instance, campaign, number, "booked")
end
local sending = redis.call("ZRANGEBYSCORE", sending_key(instance), "-inf", now, "LIMIT", 0, 500)
for _, ref in ipairs(sending) do
  local campaign, number = string.match(ref, "^(.*):(%d+)$")
  if redis.call("HGET", contact_key(campaign, number), "status") == "booked" then
    give_back(instance, campaign, number, "booked")
  else
    redis.call("ZREM", sending_key(instance), ref)
    move(campaign, number, "sending", "unconfirmed", "reason", "worker_lost")
  end
end
return { #booked, #sending }
