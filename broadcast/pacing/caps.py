"""Daily caps: how many departures a day an instance may have, and how a young number is warmed up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Warmup:
    """Caps by the age of a number: steps of (from this age in days, cap or None for no cap), ascending from age 0.

    The default is what an open-source CRM with the same unofficial gateways uses (melgarafael/DeskcommCRM,
    lib/agent-engine/pacing/defaults.ts); WhatsApp publishes no figures.
    """

    steps: tuple[tuple[int, int | None], ...] = ((0, 20), (4, 50), (8, 100), (15, 200), (31, None))

    def __post_init__(self) -> None:
        """Raise ValueError for steps that leave an age without an answer."""
        ages = [age for age, _ in self.steps]
        if not ages or ages[0] != 0 or ages != sorted(set(ages)):
            raise ValueError(f"the ages of a warm-up ascend from day 0, not {ages}")
        if any(cap is not None and cap < 0 for _, cap in self.steps):
            raise ValueError("a cap is 0 or more, or None for no cap")

    def cap_at(self, age_days: int) -> int | None:
        """The cap of a number that is so many whole days old; one from the future counts as new."""
        return next(cap for age, cap in reversed(self.steps) if age <= max(age_days, 0))


def cap_of(daily_cap: int | None, warmup: Warmup | None, age_days: int) -> int | None:
    """Departures a day for an instance of that age: the smaller of its own cap and the warm-up's; None for no cap."""
    caps = (daily_cap, None if warmup is None else warmup.cap_at(age_days))
    return min((cap for cap in caps if cap is not None), default=None)


def room(cap: int | None, used: int) -> int | None:
    """How many departures of the day are left after `used`; None for no cap."""
    return None if cap is None else max(cap - used, 0)
