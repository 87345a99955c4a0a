"""Numbers, times and telephone numbers as people write them, in the language of the page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from flask_babel import format_date, format_datetime, format_decimal, format_percent, format_time, get_locale

from broadcast.domain.contact import Status

#: Stands where there is nothing to show; the script has the same.
NONE = "\u2013"
NBSP = "\u00a0"
#: What is told of a contact, in the order in which it happens.
TOLD = (Status.SENT, Status.DELIVERED, Status.READ, Status.FAILED)


def number(value: float) -> str:
    """1.234,5 in Portuguese."""
    return str(format_decimal(round(value, 1)))


def percent(share: float) -> str:
    """A share from 0 to 1."""
    return str(format_percent(share, "#,##0.#%"))


def when(rfc3339: str | None) -> str:
    """A time of the API in the people's zone; a dash for none."""
    if rfc3339 is None:
        return NONE
    return _when(_read(rfc3339))


def moments(one: Mapping[str, Any]) -> list[tuple[str, str]]:
    """When a contact came to what it came to; of what happened on one day, the first alone names it."""
    said: list[tuple[str, str]] = []
    day_before = ""
    for status in TOLD:
        if one[f"{status.value}At"]:
            at = _read(one[f"{status.value}At"])
            on = str(format_date(at))
            said.append((status.value, _clock(at) if on == day_before else _when(at)))
            day_before = on
    return said


def day(iso: str) -> str:
    """A date of the API."""
    return str(format_date(datetime.fromisoformat(iso), _english("d MMM y", or_="medium")))


def _read(rfc3339: str) -> datetime:
    return datetime.fromisoformat(rfc3339.replace("Z", "+00:00"))


def _when(at: datetime) -> str:
    """In English with the month's name: there are two ways to read 05/11. dashboard.js writes the same."""
    return str(format_datetime(at, _english("d MMM y, HH:mm", or_="short")))


def _english(shape: str, *, or_: str) -> str:
    locale = get_locale()
    return shape if locale is not None and locale.language == "en" else or_


def _clock(at: datetime) -> str:
    return str(format_time(at, "HH:mm"))


#: span of a chart in ms, up to here -> how a time on its axis is written
ON_AXIS = ((600_000, "HH:mm:ss"), (86_400_000, "HH:mm"))


def moment(unix_ms: int, span_ms: int) -> str:
    """A time on a chart's axis: with seconds where it spans minutes, with the day where it spans days."""
    at = datetime.fromtimestamp(unix_ms / 1000, timezone.utc)
    shape = next((shape for most, shape in ON_AXIS if span_ms <= most), None)
    return str(format_time(at, shape)) if shape else _when(at)


def seconds(ms: float) -> str:
    """A gap."""
    return f"{format_decimal(ms / 1000, '#,##0.###')}{NBSP}s"


def span(ms: float) -> str:
    """How long something took: 3,2 s, 2 min 5 s, or 3 h 5 min."""
    whole = round(ms / 1000)
    if whole < 60:
        return f"{format_decimal(round(ms / 1000, 1))}{NBSP}s"
    (large, small), units = (
        (divmod(whole, 60), ("min", "s")) if whole < 3600 else (divmod(whole // 60, 60), ("h", "min"))
    )
    return f"{format_decimal(large)}{NBSP}{units[0]}" + (f" {small}{NBSP}{units[1]}" if small else "")


def phone(digits: str, reason: str | None = None) -> str:
    """A Brazilian number as people write it; any other with its plus. What is no number stays as it is."""
    if reason == "invalid_phone" or not digits.isdecimal():
        return digits
    if digits.startswith("55") and len(digits) in {12, 13}:
        area, local = digits[2:4], digits[4:]
        return f"+55 {area} {local[:-4]}-{local[-4:]}"
    return f"+{digits}"
