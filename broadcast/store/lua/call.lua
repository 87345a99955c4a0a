-- Take the next callback for a CRM's host, if this run holds it; with none due, or at rest, the host is let go.
-- ARGV[1] host · ARGV[2] token of the claim · ARGV[3] token of this run · ARGV[4] lease, ms
-- reply {campaign, number, id, address, failures of the campaign in a row, unanswered calls of the host in a row, now ms,
--        phone or "", callback hash}, or false
local host, claim, run, lease_ms = unpack(ARGV)
local held = redis.call("HGET", host_key(host), "held")
if held ~= claim and held ~= run then return false end
local now = now_ms()
if tonumber(redis.call("HGET", host_key(host), "rest") or 0) > now then
  hang_up(host)
  return false
end

-- Give up what waits of a campaign whose CRM wants no more, so many at a time. False while some is left.
local function give_up_rest(campaign)
  for _, number in ipairs(redis.call("ZRANGE", outbox_key(campaign), 0, 499)) do give_up(campaign, number) end
  return redis.call("ZCARD", outbox_key(campaign)) == 0
end

local function next_one()
  while true do
    local campaign = redis.call("ZRANGEBYSCORE", calling_key(host), "-inf", now, "LIMIT", 0, 1)[1]
    if not campaign then return false end
    local number = redis.call("ZRANGE", outbox_key(campaign), 0, 0)[1]
    if redis.call("HEXISTS", campaign_key(campaign), "callback_host") == 0 then  -- the campaign was forgotten
      forget_callbacks(campaign, 500)
      redis.call("ZREM", calling_key(host), campaign)
    elseif not number then
      redis.call("ZREM", calling_key(host), campaign)
    elseif redis.call("HEXISTS", callbacks_key(campaign), "off") == 1 then
      if not give_up_rest(campaign) then return false end
    elseif redis.call("EXISTS", callback_key(campaign, number)) == 1 then
      return campaign, number
    else  -- forgotten before its turn came
      redis.call("ZREM", outbox_key(campaign), number)
      redis.call("HINCRBY", callback_tally_key(), "waiting", -1)
    end
  end
end

local campaign, number = next_one()
if not campaign then
  hang_up(host)
  return false
end
redis.call("HSET", host_key(host), "held", run)
redis.call("ZADD", called_key(), now + lease_ms, host)
redis.call("ZADD", hosts_key(), now + lease_ms, host)
redis.call("ZADD", calling_key(host), now + lease_ms, campaign)
redis.call("HSET", callbacks_key(campaign), "flight", number)
redis.call("HINCRBY", callback_key(campaign, number), "attempts", 1)
local of = string.match(redis.call("HGET", callback_key(campaign, number), "shown"), "^%[(%d+),")
return { campaign, tonumber(number), callback_id(campaign, number), redis.call("HGET", campaign_key(campaign), "callback_url"),
  tonumber(redis.call("HGET", callbacks_key(campaign), "failures") or 0),
  tonumber(redis.call("HGET", host_key(host), "fails") or 0), now,
  of and redis.call("HGET", contact_key(campaign, of), "phone") or "", redis.call("HGETALL", callback_key(campaign, number)) }
