-- Say which hosts of CRMs do not take what they are told.
-- ARGV[1] how many hosts to look at · ARGV[2] how many campaigns of each · ARGV[3] from how many failures in a row on
-- reply {{host, failing campaigns, the worst of them, its failures in a row, HTTP status or "", error or ""}, ...}
local hosts, campaigns, most = unpack(ARGV)
local found = {}
for _, host in ipairs(redis.call("ZRANGE", hosts_key(), 0, hosts - 1)) do
  local failing, worst, worst_of = 0, false, 0
  for _, campaign in ipairs(redis.call("ZRANGE", calling_key(host), 0, campaigns - 1)) do
    local failures = tonumber(redis.call("HGET", callbacks_key(campaign), "failures") or 0)
    if failures >= tonumber(most) then failing = failing + 1 end
    if failures > worst_of then worst, worst_of = campaign, failures end
  end
  if failing > 0 then
    local number = redis.call("ZRANGE", outbox_key(worst), 0, 0)[1] or 0
    local http, err = unpack(redis.call("HMGET", callback_key(worst, number), "http", "error"))
    found[#found + 1] = { host, failing, worst, worst_of, http or "", err or "" }
  end
end
return found
