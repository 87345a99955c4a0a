-- Take the CRM hosts that are to be called now: as many as the workers have hands for, the one due longest first.
-- One hand of each worker is kept from hosts that did not answer the last time.
-- ARGV[1] hands that a worker of `callbacks` has for them · ARGV[2] lease, ms · ARGV[3] token of the claim
-- ARGV[4] how many to look at, at the most
-- reply the hosts
local hands, lease_ms, claim, most = unpack(ARGV)
local now, taken = now_ms(), {}
local workers = redis.call("ZCOUNT", workers_key("callbacks"), now - 15000, "+inf")
local free = workers * hands - redis.call("ZCOUNT", called_key(), now, "+inf")

local function is_silent(host)
  return redis.call("HEXISTS", host_key(host), "fails") == 1
end

local for_silent = workers * math.max(hands - 1, 1)
for _, host in ipairs(redis.call("ZRANGEBYSCORE", called_key(), now, "+inf")) do
  if is_silent(host) then for_silent = for_silent - 1 end
end

for _, host in ipairs(redis.call("ZRANGEBYSCORE", hosts_key(), "-inf", now, "LIMIT", 0, most)) do
  if #taken >= free then break end
  local lease = tonumber(redis.call("ZSCORE", called_key(), host) or 0)
  local rest = tonumber(redis.call("HGET", host_key(host), "rest") or 0)
  local due = tonumber(redis.call("ZRANGE", calling_key(host), 0, 0, "WITHSCORES")[2])
  if not due then
    redis.call("ZREM", hosts_key(), host)
  elseif math.max(lease, rest, due) > now then
    redis.call("ZADD", hosts_key(), math.max(lease, rest, due), host)
  elseif not is_silent(host) or for_silent > 0 then  -- who waits for a hand keeps its place: it was due before others
    if is_silent(host) then for_silent = for_silent - 1 end
    redis.call("HSET", host_key(host), "held", claim)
    redis.call("PERSIST", host_key(host))
    redis.call("ZADD", called_key(), now + lease_ms, host)
    redis.call("ZADD", hosts_key(), now + lease_ms, host)
    taken[#taken + 1] = host
  end
end
return taken
