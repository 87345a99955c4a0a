-- Which instances are of an account of Meta's, as receipts of theirs told: of the app of the one that a call came to. Where
-- none is known to be, and that app has but one instance, of which no account is known: that one.
-- ARGV[1] instance that the call came to · ARGV[2] account · ARGV[3] the settings' app, as app/…, or ""
-- reply {instance, ...}
local instance, account, default = unpack(ARGV)
local those, found = siblings(instance, "app", default), {}
if #those == 0 then those = { instance } end
for _, each in ipairs(those) do
  if redis.call("HGET", lane_key(each), "account") == account then found[#found + 1] = each end
end
if #found == 0 and #those == 1 and redis.call("HEXISTS", lane_key(those[1]), "account") == 0 then return those end
return found
