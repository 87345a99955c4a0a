"""How an instance slows down after faults and comes back to its pace, and when its errors say that it is restricted.

The slow-down is a factor from 1 (none) to `MOST` by which the lane's gaps are lengthened. It is kept as two numbers,
the factor and the moment it last changed (`since_ms`, Unix ms); the recovery is computed, never written.
"""

from __future__ import annotations

import math

#: A busy answer lengthens the gaps by this, up to `MOST` times the usual ones.
STEP = 2.0
MOST = 16.0
#: What the factor has above 1 halves in so many ms without a busy answer …
HALVES_IN_MS = 60_000
#: … and below this it counts as 1.
RECOVERED = 1.01
#: Busy answers this close together, in ms, come from the requests that were in flight at one moment: one step.
ONE_STEP_MS = 1000
#: The share of busy answers that a lane was last seen with counts for half as much after so many ms without an answer.
FAILING_HALVES_MS = 600_000

#: How often the gateway of a closed lane with work is asked whether it is open again, ms.
PROBE_MS = 30_000
#: A lane that a probe opened in vain stays closed for twice as long the next time, from this on, ms …
CLOSED_MS = 30_000
#: … up to this.
LONGEST_CLOSED_MS = 3_600_000

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


def closed_for_ms(times: int) -> int:
    """How long a lane stays closed before a probe may open it, when probes opened it so many times in vain."""
    return min(CLOSED_MS * 2 ** min(times, 20), LONGEST_CLOSED_MS) if times else 0


def next_try_ms(*, held_ms: int, times: int, asked_ms: int | None) -> int:
    """When a probe may next open a lane that is closed since `held_ms`, Unix ms; see `closed_for_ms`.

    `asked_ms` is when its gateway was last asked. It may be over, and the probe to come at any moment.
    """
    return max(held_ms + closed_for_ms(times), (asked_ms or 0) + PROBE_MS)


def tips(errors: int, total: int, *, streak: int) -> bool:
    """Whether an instance's last receipts say that it is restricted, so that the lane must stop and a person look.

    `errors` of the last `total` receipts are ERROR (the caller keeps `TIPS_OF_LAST` of them), and `streak` ERRORs have
    come in a row since the last SERVER_ACK or better.
    """
    return streak >= TIPS_STREAK or errors * 100 >= TIPS_PERCENT * max(total, TIPS_OF_LAST)


def back_off_ms(streak: int, *, base_ms: int = 1000, most_ms: int = 60_000) -> int:
    """How long to wait after `streak` faults in a row: 1, 2, 4 … `base_ms`, never above `most_ms`."""
    return min(base_ms << min(max(streak - 1, 0), 30), most_ms)


#: What the excess of the factor above 1 has settled at if it were always the same is too much by this: while it is high
#: the lane has few departures, and so few busy answers. Twice the variance of such shot noise is the product of the
#: excess and the factor, and the mean that this leaves is smaller by exactly so much.
_TOO_MUCH = 1.5


def lasting(failing: float, *, gap_ms: float) -> float:
    """The mean factor that a lane settles at while this share (0 to 1) of its attempts is answered busy.

    One busy answer adds the factor once more, and 1 in `gap_ms` x factor departures brings one. How the mean nears the
    most that it can be is no theory: a curve through what simulated lanes do.
    """
    if not failing or not gap_ms:
        return MOST if failing else 1.0
    excess = failing / (gap_ms * _recovery(gap_ms) * _TOO_MUCH)
    return 1 + excess * math.pow(1 + math.pow(excess / (MOST - 1), 2.5), -0.4)


def lateness_ms(work_ms: float, *, gap_ms: float, now_is: float, failing: float) -> float:
    """How much later than at the `lasting` factor from the beginning so much work is done, negative for earlier.

    The work is the sum of its gaps without any slow-down, in ms; `now_is` is the factor that it begins at.
    """
    settles_at = lasting(failing, gap_ms=gap_ms)
    excess = now_is - settles_at
    rate = _recovery(gap_ms)
    if excess < 0 and gap_ms:  # as fast as busy answers come while there are no slow-downs
        rate = failing / gap_ms / (settles_at - 1)
    gone = -math.expm1(-settles_at * rate * work_ms)
    return math.log1p(excess * gone / settles_at) / rate


def lateness_spread_ms(busy: float, *, gap_ms: float, settles_at: float) -> float:
    """The standard deviation of when work is done that is answered busy so often on average, from the slow-downs alone.

    Each costs the time in which an excess goes away, and they come by chance; near the most it can be, the factor has
    no room to vary.
    """
    return math.sqrt(busy * (MOST - settles_at) / (MOST - 1)) / _recovery(gap_ms)


def _recovery(gap_ms: float) -> float:
    """The share of the excess that goes away per ms, where it is looked at once a gap."""
    each = math.log(2) / HALVES_IN_MS
    return -math.expm1(-each * gap_ms) / gap_ms if gap_ms else each


def still_failing(share: float, *, since_ms: int, now_ms: int) -> float:
    """What is left at `now_ms` of a share of busy answers that was last counted at `since_ms`."""
    return share * math.pow(0.5, max(now_ms - since_ms, 0) / FAILING_HALVES_MS)
