"""The credit of a lane: how many contacts it may have with the send workers, so that no other stands long behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: The credit before anything is known of the workers, or when nothing has left for so long that it may be otherwise.
FIRST, IDLE_MS = 20, 30_000
#: A message that is taken no later than this is on time, and one that is later than that is late. Both are below what a
#: contact waits at the fence, so that it may come on time after one of its lane that was late.
ON_TIME_MS, LATE_MS = 300, 700
#: A crowd that is due at once is taken in so long. When one is later, or nobody was on time for longer, the workers are
#: behind.
CROWD_MS = 2000
#: A lane that has all its credit is planned once in so long: the credit lasts for that, and for how late it is taken.
LOOK_MS = 1000
#: What was due so long after a change is told by it.
SETTLED_MS = 500


@dataclass(frozen=True, kw_only=True)
class Flow:
    """How the send workers take what they are given, all lanes together. Times are Unix ms."""

    credit: int  #: contacts that each lane may have with them; 0 before there was any
    since_ms: int  #: when that was changed; when it was lowered, the end of the line that there was
    heard_ms: int  #: when a contact left last …
    behind_ms: int  #: … and how late messages had been taken
    on_time_ms: int  #: when one left last that was taken on time


def credited(flow: Flow, *, now_ms: int, held: int, wanted: int, is_lost: bool) -> int:
    """How many contacts each lane may have with the workers from now on.

    `held` is how many the lane that asks has, and `wanted` how many it would have; `is_lost`, that nobody took in time
    what it had.

    All lanes have one credit: who wants less has all it wants, those that want more have equal shares. While the
    workers are behind it shrinks to what they would have been on time with; while they are not, and it hinders a lane,
    it grows, by half at the most; and each time it waits to see what came of that.
    """
    if not flow.credit or now_ms - max(flow.heard_ms, flow.since_ms) > IDLE_MS:
        return FIRST
    if is_lost:
        return max(flow.credit // 2, 1) if now_ms >= flow.since_ms + SETTLED_MS else flow.credit
    if flow.heard_ms < flow.since_ms + SETTLED_MS:
        return flow.credit
    is_behind = max(flow.heard_ms - flow.on_time_ms, flow.behind_ms) > CROWD_MS
    if is_behind and flow.behind_ms > LATE_MS:
        # Not by a lane that has more still than the credit, which shows no effect before that is gone; nor to less than
        # half of what one wants that has all it wants.
        least = max(wanted // 2, 1) if wanted <= flow.credit else 1
        less = math.ceil(flow.credit * (LOOK_MS + ON_TIME_MS) / (LOOK_MS + flow.behind_ms))
        return flow.credit if held > flow.credit else max(less, least)
    is_known = flow.heard_ms - flow.behind_ms >= flow.since_ms + SETTLED_MS
    if is_known and not is_behind and flow.behind_ms <= LATE_MS:
        more = max(math.ceil(flow.credit * (ON_TIME_MS - flow.behind_ms) / (2 * ON_TIME_MS)), 1)
        return max(flow.credit, min(flow.credit + more, wanted))
    return flow.credit
