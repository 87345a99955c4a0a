"""How an instance slows down after faults and comes back to its pace, and when its errors say that it is restricted.

The slow-down is a factor from 1 (none) to `MOST` by which the lane's gaps are lengthened. It is kept as two numbers,
the factor and the moment it last changed (`since_ms`, Unix ms); the recovery is computed, never written.
"""

from __future__ import annotations

#: A busy answer lengthens the gaps by this, up to `MOST` times the usual ones.
STEP = 2.0
MOST = 16.0
#: What the factor has above 1 halves in so many ms without a busy answer …
HALVES_IN_MS = 60_000
#: … and below this it counts as 1.
RECOVERED = 1.01
#: Busy answers this close together, in ms, come from the requests that were in flight at one moment: one step.
ONE_STEP_MS = 1000

# An instance that WhatsApp has restricted stays "open" and answers every message with ERROR (facts seen by operators of
# Evolution API; WhatsApp publishes no figures). The two signs:
#: So many ERROR receipts in a row, without a SERVER_ACK among them.
TIPS_STREAK = 3
#: Or this share of ERROR, in per cent, …
TIPS_PERCENT = 30
#: … of the last so many receipts. Fewer count as this many, so that an early error or two tip nothing.
TIPS_OF_LAST = 20


def slowed(factor: float, *, since_ms: int, now_ms: int) -> float:
    """The factor in force at `now_ms`, recovered from the `factor` that was set at `since_ms`."""
    excess = min(factor, MOST) - 1
    now_is = 1 + excess * 0.5 ** (max(now_ms - since_ms, 0) / HALVES_IN_MS)
    return now_is if now_is >= RECOVERED else 1.0


def slower(factor: float, *, since_ms: int, now_ms: int) -> float:
    """The factor after one more busy answer, to be kept with `now_ms`.

    When `is_same_step`, it is the present factor, which then keeps its `since_ms`: answers that trickle in would
    otherwise put off the next step for ever.
    """
    if is_same_step(factor, since_ms=since_ms, now_ms=now_ms):
        return min(factor, MOST)
    return min(slowed(factor, since_ms=since_ms, now_ms=now_ms) * STEP, MOST)


def is_same_step(factor: float, *, since_ms: int, now_ms: int) -> bool:
    """Whether a busy answer at `now_ms` belongs to the step that was taken at `since_ms`."""
    return factor > 1 and abs(now_ms - since_ms) < ONE_STEP_MS


def tips(errors: int, total: int, *, streak: int) -> bool:
    """Whether an instance's last receipts say that it is restricted, so that the lane must stop and a person look.

    `errors` of the last `total` receipts are ERROR (the caller keeps `TIPS_OF_LAST` of them), and `streak` ERRORs have
    come in a row since the last SERVER_ACK or better.
    """
    return streak >= TIPS_STREAK or errors * 100 >= TIPS_PERCENT * max(total, TIPS_OF_LAST)


def back_off_ms(streak: int, *, base_ms: int = 1000, most_ms: int = 60_000) -> int:
    """How long to wait after `streak` faults in a row: 1, 2, 4 … `base_ms`, never above `most_ms`."""
    return min(base_ms << min(max(streak - 1, 0), 30), most_ms)
