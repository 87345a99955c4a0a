-- Note that a worker has a booked contact in hand: before the fence, its gateway is asked about it, which may take as long as
-- a request. Until its lease is over, it is no sign of a worker that is gone.
-- ARGV[1] instance · ARGV[2] campaign · ARGV[3] number · ARGV[4] batch · ARGV[5] lease, ms
-- reply 1 it is in hand | 0 the batch does not hold it any more
local instance, campaign, number, batch, lease_ms = unpack(ARGV)
local status, held_batch = unpack(redis.call("HMGET", contact_key(campaign, number), "status", "batch"))
if status ~= "booked" or held_batch ~= batch then return 0 end
redis.call("ZREM", booked_key(instance), campaign .. ":" .. number)
redis.call("ZADD", sending_key(instance), now_ms() + lease_ms, campaign .. ":" .. number)
return 1
