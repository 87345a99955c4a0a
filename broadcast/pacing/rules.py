"""An instance's own rules: what holds for all of its campaigns together, whatever each of them asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from broadcast.pacing.caps import Warmup, cap_of
from broadcast.pacing.windows import Window


@dataclass(frozen=True, kw_only=True)
class Rules:
    """No campaign of the instance goes faster than this, nor at other times."""

    gap_ms: int = 0  #: the least gap between two departures
    jitter_ms: int = 0  #: the least jitter: each gap is lengthened by a random 0 to this
    daily_cap: int | None = None  #: departures a day
    window: Window | None = None
    warm_up_since: date | None = None  #: the number's first day, from which it is warmed up

    @property
    def has_cap(self) -> bool:
        """Whether any day has a cap."""
        return self.daily_cap is not None or self.warm_up_since is not None

    def cap_on(self, day: date) -> int | None:
        """Departures that the instance may have on this local day; None for no cap."""
        if self.warm_up_since is None:
            return self.daily_cap
        return cap_of(self.daily_cap, Warmup(), (day - self.warm_up_since).days)
