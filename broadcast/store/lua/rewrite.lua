-- Say whether Redis's append-only file is to be written anew now, since it has what was removed. Not before a rewrite that was
-- begun is over; one that failed, or that Redis did not survive, is begun again.
-- ARGV[1] what stands for this run of Redis · ARGV[2] "1": its last rewrite was well
-- reply 1 begin one | 0 none is due
local run, is_well = unpack(ARGV)
local of, at = string.match(redis.call("GET", rewriting_key()) or "", "^(%S+) (%d+)$")
if of == run and is_well == "1" then redis.call("ZREMRANGEBYSCORE", rewrites_key(), "-inf", "(" .. at) end
redis.call("DEL", rewriting_key())
local now = now_ms()
if redis.call("ZCOUNT", rewrites_key(), "-inf", now) == 0 then return 0 end
redis.call("SET", rewriting_key(), run .. " " .. string.format("%.0f", now))
return 1
