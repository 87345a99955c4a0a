-- Take back what a dead worker held. moves: booked > pending, booked > cancelled, sending > unconfirmed
-- ARGV[1] instance · ARGV[2] how long after its slot a booked contact is taken back, ms
-- reply {overdue before the fence, overdue after it}
local instance, grace = ARGV[1], tonumber(ARGV[2])
local now = now_ms()
local booked = redis.call("ZRANGEBYSCORE", booked_key(instance), "-inf", now - grace, "LIMIT", 0, 500)
for i = #booked, 1, -1 do
  local campaign, number = string.match(booked[i], "^(.*):(%d+)$")
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
