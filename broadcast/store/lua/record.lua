-- Record what became of a send, if this run still holds the contact: it is at it, or (no connection was opened or the
-- gateway knew beforehand, so the fence was never asked) its batch has it booked.
-- ARGV[1] instance · ARGV[2] campaign · ARGV[3] number · ARGV[4] batch · ARGV[5] run · ARGV[6] new status
-- ARGV[7] it may follow (a,b,c) · ARGV[8] message id or "" · ARGV[9] how long the id is kept, s
-- ARGV[10] for pending and booked: due in ms, or "" · ARGV[11] the lane rests for, ms
-- ARGV[12] "closed" or "restricted" for the lane, or "" · ARGV[13] reason or "" · ARGV[14] detail or ""
-- ARGV[15] "1" when this attempt does not count · ARGV[16] the answer in a word
-- ARGV[17] the person's identity to be suppressed, or "" · ARGV[18] what is known of that, as JSON
-- ARGV[19] the gateway takes no more for this person for so long, ms, or 0
-- moves: pending > sent, booked > sent
-- reply "moved" | "failed" moved, and a failure that nobody explained had come before | "kept" no longer this run's to say
local instance, campaign, number, batch, run, to, may_follow = unpack(ARGV, 1, 7)
local message_id, keep_s, due, rest_ms, hold, reason, detail, uncounted, answer = unpack(ARGV, 8, 16)
local identity, known, capped_ms = unpack(ARGV, 17, 19)
local contact, ref = contact_key(campaign, number), campaign .. ":" .. number
local now = now_ms()
local status, held_batch, held_run = unpack(redis.call("HMGET", contact, "status", "batch", "run"))
local not_asked = status == "booked" and held_batch == batch
-- Of who was forgotten, no id is learned anew: some have the number in them, and so may what the gateway says.
if redis.call("HEXISTS", contact, "forgotten") == 1 then message_id, detail = "", "" end

-- The answer to an attempt that was given up meanwhile. That it was accepted counts: who waits to be sent to again need
-- not be, and the receipts of that message find their contact.
local function late()
  redis.call("SET", message_key(instance, message_id), ref, "EX", keep_s)
  if status == "pending" or status == "booked" then
    if status == "booked" then let_go(instance, campaign, number) end
    redis.call("HSET", contact, "message_id", message_id)
    redis.call("HDEL", contact, "reason", "detail")
    move(campaign, number, status, "sent")
  end
  receive_parked(instance, ref, message_id)
end

if held_run ~= run and not not_asked then
  if status and message_id ~= "" then late() end
  return "kept"
end

if message_id ~= "" then
  redis.call("HSET", contact, "message_id", message_id)
  redis.call("SET", message_key(instance, message_id), ref, "EX", keep_s)
end
if tonumber(capped_ms) > 0 then
  redis.call("HSET", contact, "not_before", now + capped_ms)
  redis.call("HINCRBY", contact, "capped", 1)
end
if identity ~= "" then redis.call("HSETNX", suppressed_key(), identity, known) end
if tonumber(rest_ms) > 0 then
  local rest = tonumber(redis.call("HGET", lane_key(instance), "rest") or 0)
  redis.call("HSET", lane_key(instance), "rest", math.max(rest, now + rest_ms), "rest_reason", reason)
end
redis.call("HSET", lane_key(instance), "answer", answer, "answer_ms", now, "answer_reason", reason)
local held = redis.call("HGET", lane_key(instance), "hold")
if hold ~= "" and held ~= "paused" and not (hold == "closed" and held == "restricted") then
  redis.call("HSET", lane_key(instance), "hold", hold, "reason", reason, "detail", detail, "held_ms", now)
end
if reason ~= "" then
  redis.call("HSET", contact, "reason", reason, "detail", detail)
  redis.call("HSET", campaign_key(campaign), "last_error", detail ~= "" and reason .. ": " .. detail or reason)
end
if not_asked and uncounted ~= "1" and to ~= "skipped" then redis.call("HINCRBY", contact, "attempts", 1) end
if not_asked and to == "booked" then
  redis.call("ZREM", booked_key(instance), ref)
  redis.call("ZADD", sending_key(instance), now + due, ref)
  return "moved"
end
if not has(may_follow, status) then
  if message_id ~= "" then receive_parked(instance, ref, message_id) end
  return "moved"
end
if uncounted == "1" and not not_asked then redis.call("HINCRBY", contact, "attempts", -1) end

if to == "pending" then
  if answer == "unknown" then doubt(instance, campaign, number) end
  give_back(instance, campaign, number, status, due ~= "" and now + due or nil)
elseif to == "booked" then
  redis.call("ZADD", sending_key(instance), now + due, ref)
  redis.call("HDEL", contact, "run")
  move(campaign, number, status, "booked")
else
  redis.call("ZREM", booked_key(instance), ref)
  redis.call("ZREM", sending_key(instance), ref)
  if to == "sent" then redis.call("HDEL", contact, "reason", "detail") end
  move(campaign, number, status, to)
end
local has_failed = message_id ~= "" and receive_parked(instance, ref, message_id)
-- Nobody looks at the lane of a paused campaign for its sake: its last contact completes it.
if redis.call("HGET", campaign_key(campaign), "status") == "paused" then finish(campaign) end
return has_failed and "failed" or "moved"
