-- Note what a gateway said when it was asked how the instance is. It changes nothing else: only news and answers do.
-- ARGV[1] instance · ARGV[2] "open", or why it cannot send
-- reply 1
redis.call("HSET", lane_key(ARGV[1]), "health", ARGV[2], "health_ms", now_ms())
return 1
