"""How long the far side asks to be left alone, whoever it is."""

from __future__ import annotations

import re
from datetime import timezone
from email.utils import parsedate_to_datetime


def asked_s(retry_after: str, *, now_s: float) -> float | None:
    """The seconds that a Retry-After asks for, given as such or as a date; None where it says neither.

    A date that is past asks for 0 s. It is as good as the clock it was taken from.
    """
    given = retry_after.strip()
    if re.fullmatch(r"[0-9]+", given):
        return float(given)
    try:
        date = parsedate_to_datetime(given)
    except (ValueError, OverflowError):
        return None
    # HTTP knows one zone, and one form of date leaves it out.
    return max((date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp() - now_s, 0.0)
