-- Keep the summary of a campaign, unless that is gone meanwhile, or a newer one is kept.
-- ARGV[1] campaign · ARGV[2] when that was accepted, Unix ms · ARGV[3] what the summary is as of, Unix ms
-- ARGV[4] how long to keep it, s · ARGV[5] the summary as JSON
-- reply 1 kept | 0 not
local campaign, created, as_of, keep_s, summary = unpack(ARGV)
local status, created_now = unpack(redis.call("HMGET", campaign_key(campaign), "status", "created_ms"))
if not is_there(status) or created_now ~= created then return 0 end
local last = redis.call("GET", summary_key(campaign))
if last and (cjson.decode(last).as_of_ms or 0) > tonumber(as_of) then return 0 end
redis.call("SET", summary_key(campaign), summary, "EX", keep_s)
return 1
