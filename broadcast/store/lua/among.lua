-- Say which of these people want no more messages.
-- ARGV[1], ARGV[2].. per person: identity, what stands for them once they are forgotten
-- reply {1 on the list | 0, ...}
local words = {}
for i = 1, #ARGV, 2 do
  words[#words + 1] = is_suppressed(ARGV[i], ARGV[i + 1]) and 1 or 0
end
return words
