"""How long the far side asks to be left alone, whoever it is."""

from __future__ import annotations

import re
from datetime import timezone
from email.utils import parsedate_to_datetime

#: HTTP knows whole seconds alone; some write fractions, or what they count.
_SECONDS = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?s?")


def asked_s(retry_after: str, *, now_s: float) -> float | None:
    """The seconds that a Retry-After asks for, given as such or as a date; None where it says neither.

    A date that is past asks for 0 s. It is as good as the clock it was taken from.
    """
    given = retry_after.strip()
    if seconds := _SECONDS.fullmatch(given):
        return float(seconds[1])
    try:
        date = parsedate_to_datetime(given)
    except (ValueError, OverflowError):
        return None
    # HTTP knows one zone, and one form of date leaves it out.
    return max((date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp() - now_s, 0.0)
