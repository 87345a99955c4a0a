-- Let a lane rest: nothing leaves for a while. A longer rest stands.
-- ARGV[1] instance · ARGV[2] for how long, ms · ARGV[3] reason
-- ARGV[4] "app" or "account", whose other instances rest as well, or "" · ARGV[5] the settings' app, as app/…, or ""
-- reply 1
local instance, for_ms, reason, spans, default = unpack(ARGV)
rest_lane(instance, for_ms, reason, spans, default)
return 1
