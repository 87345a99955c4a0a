-- Erase the next callbacks, or else contacts, of a campaign that is being removed, and at the end all that is left of it.
-- ARGV[1] campaign · ARGV[2] how many contacts at the most
-- reply how many contacts are left, or -1: it is gone
local campaign, most = ARGV[1], tonumber(ARGV[2])
local key = campaign_key(campaign)
local status, instance, total, erased = unpack(redis.call("HMGET", key, "status", "instance", "total", "erased"))
if status ~= "removing" then
  redis.call("ZREM", removals_key(), campaign)
  return -1
end
if forget_callbacks(campaign, most) > 0 then return tonumber(total) - erased end
local last = math.min(erased + most, tonumber(total))
for number = tonumber(erased), last - 1 do
  -- An id may be known still, and the campaign's name be used anew: its receipts must not find other contacts.
  forget_ids(instance, contact_key(campaign, number))
  hush(instance, campaign, number)
  redis.call("ZREM", doubtful_key(instance), campaign .. ":" .. number)
  redis.call("DEL", contact_key(campaign, number))
end
redis.call("HSET", key, "erased", last)
redis.call("ZADD", removals_key(), now_ms(), campaign)
if last < tonumber(total) then return tonumber(total) - last end

redis.call("UNLINK", pending_key(campaign), later_key(campaign), summary_key(campaign), departures_key(campaign),
  tally_key(campaign), identities_key(campaign), chunks_key(campaign),
  listed_key(campaign, "failed"), listed_key(campaign, "unconfirmed"))
redis.call("DEL", key)
redis.call("ZREM", removals_key(), campaign)
note_rewrite(false)
return -1
