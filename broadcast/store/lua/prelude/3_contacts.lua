-- The move of a contact, which keeps the tally true.

-- Told to the CRM; defined below, since news of a campaign shows all of it.
local tell, tell_of_contact
-- Pause, resume or cancel a campaign; and count what fits nobody, which may pause it. Defined below, since they tell of it.
local steer, misfit
-- Complete a paused campaign with nothing left to send; defined below, with the end of one.
local end_if_paused

local function parts(ref)
  return string.match(ref, "^(.*):(%d+)$")
end

-- A reason and the gateway's words behind it, where there are any.
local function with_words(reason, detail)
  return detail ~= "" and reason .. ": " .. detail or reason
end

-- The same without the words.
local function bare(text)
  return string.match(text, "^(.-): ") or text
end

-- The gateway's words beyond their contact, in its campaign or its lane, stand beside whose they are: a campaign's by the
-- contact's number, a lane's by campaign:number, "" for ours. Those about who was forgotten are not kept.
local function is_forgotten(campaign, number)
  return redis.call("HEXISTS", contact_key(campaign, number), "forgotten") == 1
end

local function note_error(campaign, number, reason, detail)
  redis.call("HSET", campaign_key(campaign), "last_error", with_words(reason, detail), "last_error_of", number)
end

-- The gateway takes no more for a person for so long, and says so only so often. It says it of some messages alone
-- (Meta: of marketing), so those campaigns heed it that it was said of. `who` stands for the person; "": nobody knows whom.
local function note_cap(instance, campaign, number, for_ms, who)
  local contact = contact_key(campaign, number)
  redis.call("HSET", contact, "not_before", now_ms() + for_ms)
  redis.call("HSET", campaign_key(campaign), "meets_caps", 1)
  if who ~= "" then redis.call("SET", capped_key(instance, who), for_ms, "PX", for_ms) end
  return redis.call("HINCRBY", contact, "capped", 1)
end

-- Keep the lists that a move into or out of failed and unconfirmed concerns.
local function relist(campaign, number, from, to)
  if is_listed[from] then redis.call("ZREM", listed_key(campaign, from), number) end
  if is_listed[to] then redis.call("ZADD", listed_key(campaign, to), number, number) end
  if from ~= "unconfirmed" and to ~= "unconfirmed" then return end
  local doubtful = doubtful_key(redis.call("HGET", campaign_key(campaign), "instance"))
  -- One that is sent again stays in doubt: an echo of the earlier attempt may still come.
  if from == "unconfirmed" and to ~= "pending" then redis.call("ZREM", doubtful, campaign .. ":" .. number) end
  if to == "unconfirmed" then
    local departed = redis.call("HGET", contact_key(campaign, number), "departed")
    redis.call("ZADD", doubtful, departed or now_ms(), campaign .. ":" .. number)
  end
end

-- A campaign's tally or state changes: who follows it learns so by its revision.
local function revise(campaign)
  redis.call("HINCRBY", campaign_key(campaign), "rev", 1)
end

-- Move one contact and the tally in the same breath; more fields may be written with it. Where it comes to rest, the
-- time is kept as `at_<status>`.
local function move(campaign, number, from, to, ...)
  redis.call("HSET", contact_key(campaign, number), "status", to, ...)
  if not is_passing[to] then redis.call("HSET", contact_key(campaign, number), "at_" .. to, now_ms()) end
  redis.call("HINCRBY", tally_key(campaign), from, -1)
  redis.call("HINCRBY", tally_key(campaign), to, 1)
  revise(campaign)
  if is_listed[from] or is_listed[to] then relist(campaign, number, from, to) end
  if is_listed[to] then tell_of_contact(campaign, number, to) end
end

local function let_go(instance, campaign, number)
  local ref = campaign .. ":" .. number
  redis.call("ZREM", booked_key(instance), ref)
  redis.call("ZREM", sending_key(instance), ref)
  redis.call("HDEL", contact_key(campaign, number), "batch", "run", "recorded", "slot")
end
