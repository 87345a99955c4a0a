"""What a campaign takes beside its pace: until its first message leaves, and from the last until it is seen to be over.

Measured with real processes (web, control worker, send worker, beat, Redis) on a busy machine of two cores, with 100
campaigns of 1 to 12 contacts, some on a sandbox gateway that answers in 50 ms, the others on one that takes 300 to
1000.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Span:
    """A time that is half the time no longer than `p50_ms`, and in nine cases of ten by `spread_ms` longer at most."""

    p50_ms: int
    spread_ms: int

    def then(self, other: Span) -> Span:
        """Both, one after the other; chance is seldom unkind to both."""
        return Span(p50_ms=self.p50_ms + other.p50_ms, spread_ms=math.ceil(math.hypot(self.spread_ms, other.spread_ms)))


#: Until the first message is at the gateway, where whoever accepts a campaign has its lane planned: measured 30 to 90
#: ms, and 135 at one in ten.
AT_ONCE = Span(p50_ms=50, spread_ms=100)
#: The same where the tick finds that it is time (a schedule, a lane that rested, and whatever may wait for a window or
#: for the next day): it comes once a second, so that all from 50 to 1050 ms is as likely; measured 80 to 1000.
BY_TICK = Span(p50_ms=550, spread_ms=450)
#: From the last departure until the campaign is over: the gateway answers, and the batch's end is told. Measured 60 to
#: 110 ms with the quick gateway; with the slow one 330 to 1170, and 1020 at one in ten.
ENDING = Span(p50_ms=350, spread_ms=750)


def handling(*, is_ticked: bool) -> Span:
    """What is to be added to the time that a campaign's departures take."""
    return (BY_TICK if is_ticked else AT_ONCE).then(ENDING)
