-- Record what became of a send, if this run still holds the contact: it is at it, or (no connection was opened or the
-- gateway knew beforehand, so the fence was never asked) its batch has it booked.
-- ARGV[1] instance · ARGV[2] campaign · ARGV[3] number · ARGV[4] batch · ARGV[5] run · ARGV[6] new status
-- ARGV[7] it may follow (a,b,c) · ARGV[8] message id or "" · ARGV[9] how long the id is kept, s
-- ARGV[10] for pending and booked: due in ms, or "" · ARGV[11] the lane rests for, ms
-- ARGV[12] "closed" or "restricted" for the lane, or "" · ARGV[13] reason or "" · ARGV[14] detail or ""
-- ARGV[15] "1" when this attempt does not count · ARGV[16] the answer in a word
-- ARGV[17] the person's identity to be suppressed, or "" · ARGV[18] what is known of that, as JSON
-- ARGV[19] the gateway takes no more for this person for so long, ms, or 0
-- ARGV[20] so many answers like this one in a row, none accepted between, pause the campaign, or 0 · ARGV[21] because
-- ARGV[22] "app" or "account", whose other instances rest as well, or "" · ARGV[23] the settings' app, as app/…, or ""
-- ARGV[24] what stands for the person for whom it takes no more, or ""
-- moves: pending > sent, booked > sent, booked > pending, skipped > sent, cancelled > sent, unconfirmed > pending
-- reply "moved" | "failed" a failure that nobody explained had come before | "halted" one had come that paused the campaign
-- | "kept" no longer this run's to say
local instance, campaign, number, batch, run, to, may_follow = unpack(ARGV, 1, 7)
local message_id, keep_s, due, rest_ms, hold, reason, detail, uncounted, answer = unpack(ARGV, 8, 16)
local identity, known, capped_ms, most_misfits, because, rests, default, who = unpack(ARGV, 17, 24)
local contact, ref = contact_key(campaign, number), campaign .. ":" .. number
local now = now_ms()
local status, held_batch, held_run, recorded =
  unpack(redis.call("HMGET", contact, "status", "batch", "run", "recorded"))
local not_asked = status == "booked" and held_batch == batch
if not_asked and recorded == run then return "moved" end  -- told before: this run put it in back-off
-- Of who was forgotten, no id is learned anew: some have the number in them, and so may what the gateway says.
if is_forgotten(campaign, number) then message_id, detail = "", "" end

-- The answer to an attempt that was given up meanwhile, or has failed by a receipt. That it was accepted counts, unless it
-- failed: who waits to be sent to again need not be, and the receipts of that message find their contact.
local function late()
  redis.call("SET", message_key(instance, message_id), ref, "EX", keep_s)
  if is_dead(contact, message_id) then return receive_parked(instance, ref, message_id) end
  if status == "pending" or status == "booked" or status == "skipped" or status == "cancelled" then
    if status == "booked" then let_go(instance, campaign, number) end
    go_by(contact, message_id)
    redis.call("HDEL", contact, "reason", "detail")
    move(campaign, number, status, "sent")
  elseif redis.call("HGET", contact, "message_id") ~= message_id then
    put_aside(contact, message_id)
  end
  return receive_parked(instance, ref, message_id)
end

if held_run ~= run and not not_asked then
  local word = status and message_id ~= "" and late() or "kept"
  end_if_paused(campaign)
  return word
end

if message_id ~= "" then
  go_by(contact, message_id)
  redis.call("SET", message_key(instance, message_id), ref, "EX", keep_s)
end
if tonumber(capped_ms) > 0 then note_cap(instance, campaign, number, capped_ms, who) end
if identity ~= "" then
  local was = redis.call("HGET", suppressed_key(), identity)
  redis.call("HSET", suppressed_key(), identity, was and merged(cjson.decode(was), cjson.decode(known)) or known)
end
if tonumber(rest_ms) > 0 then rest_lane(instance, rest_ms, reason, rests, default) end
if answer == "accepted" then
  redis.call("HDEL", campaign_key(campaign), "misfits")
  redis.call("HDEL", lane_key(instance), "reopened")
end
-- Of the attempts, the share that is made again: a mean in which the newest counts for a twentieth.
local failing = redis.call("HGET", lane_key(instance), "failing")
local is_again = (to == "pending" or to == "booked") and uncounted ~= "1"
redis.call("HSET", lane_key(instance), "answer", answer, "answer_ms", now, "answer_reason", reason,
  "failing", 0.95 * (failing or 0) + (is_again and 0.05 or 0))
-- How many in a row nobody knows the end of, which one lost connection makes and a gateway that is down.
if answer == "unknown" then
  redis.call("HINCRBY", lane_key(instance), "unknowns", 1)
elseif answer == "accepted" or answer == "refused" then
  redis.call("HDEL", lane_key(instance), "unknowns")
end
if hold ~= "" and not (hold == "closed" and held_by_gateway(instance) == "restricted") then
  close_lane(instance, hold, reason, detail, ref, true)
end
local stays_booked, moves = not_asked and to == "booked", has(may_follow, status)
if status == "unconfirmed" and (to == "pending" or to == "booked") then
  -- Given up meanwhile: its batch has it no more, and who was forgotten as well is not sent to again.
  to, moves = "pending", not is_forgotten(campaign, number)
end
if reason ~= "" and (stays_booked or moves) then  -- what a receipt told meanwhile is surer
  redis.call("HSET", contact, "reason", reason, "detail", detail)
  note_error(campaign, number, reason, detail)
end
if not_asked and uncounted ~= "1" and to ~= "skipped" then redis.call("HINCRBY", contact, "attempts", 1) end
if stays_booked then
  redis.call("ZREM", booked_key(instance), ref)
  redis.call("ZADD", sending_key(instance), now + due, ref)
  redis.call("HSET", contact, "recorded", run)
  return "moved"
end
if not moves then
  local word = message_id ~= "" and receive_parked(instance, ref, message_id) or "moved"
  end_if_paused(campaign)
  return word
end
if uncounted == "1" and not not_asked then redis.call("HINCRBY", contact, "attempts", -1) end

-- One that closes its lane again was perhaps all that was wrong: where there are others they go first, for longer each time.
local function aside_ms()
  local times = hold == "closed" and redis.call("HINCRBY", contact, "closings", 1) or 0
  if times < 2 then return nil end
  for _, ready in ipairs(redis.call("ZRANGE", ready_key(instance), 0, -1)) do
    if could_leave(ready) > 0 then return math.min(600000 * 2 ^ (times - 2), 21600000) end
  end
end

if to == "pending" then
  if answer == "unknown" then doubt(instance, campaign, number) end
  if due == "" then due = aside_ms() or "" end
  give_back(instance, campaign, number, status, due ~= "" and now + due or nil)
  if status == "unconfirmed" then  -- and told of as such
    untell(campaign, last_told(contact))
    carry_on(campaign, instance)
  end
elseif to == "booked" then
  redis.call("ZADD", sending_key(instance), now + due, ref)
  redis.call("HDEL", contact, "run")
  redis.call("HSET", contact, "recorded", run)
  move(campaign, number, status, "booked")
else
  redis.call("ZREM", booked_key(instance), ref)
  redis.call("ZREM", sending_key(instance), ref)
  if to == "sent" then redis.call("HDEL", contact, "reason", "detail") end
  move(campaign, number, status, to)
end
local parked = message_id ~= "" and receive_parked(instance, ref, message_id)
misfit(campaign, number, "misfits", most_misfits, because)
end_if_paused(campaign)
return parked or "moved"
