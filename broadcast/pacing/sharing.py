"""How campaigns share a lane's departures: how many leave until one of them is done, and how far apart.

In the large, not one by one: the shares are those that `whose_turn` gives over many turns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from broadcast.pacing.rules import Rules
from broadcast.pacing.turns import LOWER_TURN

#: Parts of a contact that rounding leaves over.
_NOTHING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a campaign has on its lane."""

    left: float  #: contacts that are still to leave
    priority: int  #: 0 to 9, 9 the most urgent
    gap_ms: int
    jitter_ms: int = 0

    def under(self, rules: Rules) -> Load:
        """The same at the pace that the instance's own rules allow it."""
        gap_ms, jitter_ms = max(self.gap_ms, rules.gap_ms), max(self.jitter_ms, rules.jitter_ms)
        return replace(self, gap_ms=gap_ms, jitter_ms=jitter_ms)

    def only(self, contacts: float) -> Load:
        """The same with so many contacts."""
        return replace(self, left=contacts)


@dataclass(frozen=True, kw_only=True)
class Share:
    """Departures of a lane, of whichever campaign, without any that are to be repeated."""

    departures: float
    gap_ms: float  #: the mean gap between them
    variance: float  #: of one gap, ms²
    rest: Sequence[Load]  #: what the campaigns have left afterwards, in the order they were given


def until_done(own: Load, others: Sequence[Load]) -> Share:
    """What leaves until the last contact of `own` has."""
    return _shared([own, *others], own=0, most=math.inf)


def after(departures: float, loads: Sequence[Load]) -> Share:
    """What leaves in the next so many departures, or until nothing is left."""
    return _shared(list(loads), own=None, most=departures)


def _shared(loads: list[Load], *, own: int | None, most: float) -> Share:
    count = gaps = variances = 0.0
    while count < most and any(load.left > 0 for load in loads) and (own is None or loads[own].left > 0):
        shares = _shares(loads)
        turns = min(load.left / share for load, share in zip(loads, shares, strict=True) if share)
        turns = min(turns, most - count)
        gap_ms, variance = _gap(loads, shares)
        count, gaps, variances = count + turns, gaps + turns * gap_ms, variances + turns * variance
        lefts = (load.left - turns * share for load, share in zip(loads, shares, strict=True))
        loads = [replace(load, left=left if left > _NOTHING else 0) for load, left in zip(loads, lefts, strict=True)]
    mean = max(count, 1)
    return Share(departures=count, gap_ms=gaps / mean, variance=variances / mean, rest=loads)


def _shares(loads: Sequence[Load]) -> list[float]:
    """The share of the departures that each gets while none of them is done; see `whose_turn`."""
    top = max(load.priority for load in loads if load.left > 0)
    tops = sum(load.left > 0 and load.priority == top for load in loads)
    lowers = sum(load.left > 0 and load.priority < top for load in loads)
    for_lower = 1 / LOWER_TURN if lowers else 0.0

    def share(load: Load) -> float:
        if load.left <= 0:
            return 0.0
        return (1 - for_lower) / tops if load.priority == top else for_lower / lowers

    return [share(load) for load in loads]


def _gap(loads: Sequence[Load], shares: Sequence[float]) -> tuple[float, float]:
    """The mean gap of two neighbours, and its variance."""
    gap_ms = variance = 0.0
    for before, load, weight in _neighbours(loads, shares):
        gap_ms += weight * _wider(before.gap_ms, load)
        variance += weight * load.jitter_ms**2 / 12
    return gap_ms, variance


def _neighbours(loads: Sequence[Load], shares: Sequence[float]) -> Iterator[tuple[Load, Load, float]]:
    """Each two whose departures follow each other, and how often they do; the weights add up to 1."""
    top = max(load.priority for load, share in zip(loads, shares, strict=True) if share)
    tops = [load for load, share in zip(loads, shares, strict=True) if share and load.priority == top]
    lowers = [load for load, share in zip(loads, shares, strict=True) if share and load.priority < top]
    for_lower = 1 / LOWER_TURN if lowers else 0.0
    # Equals go turn by turn, so none follows itself unless it is alone.
    pairs = [(one, two) for one, two in product(tops, tops) if one is not two or len(tops) == 1]
    for one, two in pairs:
        yield one, two, (1 - 2 * for_lower) / len(pairs)
    for one, low in product(tops, lowers):
        weight = for_lower / (len(tops) * len(lowers))
        yield one, low, weight
        yield low, one, weight


def _wider(before_ms: int, load: Load) -> float:
    """The mean of the wider of two gaps: that which the one before keeps, and the load's own with its jitter."""
    lacking = before_ms - load.gap_ms
    if lacking <= 0:
        return load.gap_ms + load.jitter_ms / 2
    if lacking >= load.jitter_ms:
        return before_ms
    return load.gap_ms + (lacking**2 + load.jitter_ms**2) / (2 * load.jitter_ms)
