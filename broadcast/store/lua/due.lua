-- Take the lanes that are to be looked at now; whoever takes one has a while before it is offered again.
-- ARGV[1] how many at the most · ARGV[2] the while, ms
-- reply the instances
local due = redis.call("ZRANGEBYSCORE", lanes_key(), "-inf", now_ms(), "LIMIT", 0, ARGV[1])
for _, instance in ipairs(due) do
  redis.call("ZADD", lanes_key(), now_ms() + ARGV[2], instance)
end
return due
