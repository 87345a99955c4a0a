-- A contact that has failed by a receipt may be tried again later. moves: failed > pending
-- ARGV[1] campaign · ARGV[2] number · ARGV[3] in ms · ARGV[4] the most attempts at it
-- ARGV[5] how often the gateway may say this, whatever its attempts, or 0 for as often as there are attempts
-- ARGV[6] what stands for the person where that counts for other campaigns as well, or ""
-- ARGV[7] what that time is multiplied by with every attempt after the first, ARGV[8] how often at the most
-- reply 1 it waits for its time | 0 it is not failed, it is used up, its campaign is cancelled, or it is forgotten
local campaign, number, in_ms, most_attempts, most_times, who, growth, most_grown = unpack(ARGV)
local contact = contact_key(campaign, number)
local state, instance = unpack(redis.call("HMGET", campaign_key(campaign), "status", "instance"))
local status, attempts, forgotten = unpack(redis.call("HMGET", contact, "status", "attempts", "forgotten"))
if forgotten or status ~= "failed" then return 0 end

attempts = tonumber(attempts or 0)
local grown_ms = in_ms * growth ^ math.min(math.max(attempts - 1, 0), most_grown)
local due, is_over = now_ms() + grown_ms, attempts >= tonumber(most_attempts)
if tonumber(most_times) > 0 then  -- as an answer that says so; a person's retry waits as well
  is_over = note_cap(instance, campaign, number, in_ms, who) >= tonumber(most_times)
end
if is_over or state == "cancelled" then return 0 end
go_by(contact, "")
redis.call("HDEL", contact, "acked", "run", "recorded", "batch", "at_failed")
untell(campaign, last_told(contact))  -- it has not failed after all
redis.call("HINCRBY", contact, "failures", 1)
move(campaign, number, "failed", "pending")
redis.call("ZADD", later_key(campaign), due, number)
carry_on(campaign, instance)
look_at_lane(instance, due)
return 1
