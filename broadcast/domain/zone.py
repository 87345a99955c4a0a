"""Time zones by their IANA names."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

#: Files of the database that are no places: what this host's own clock shows, the rules of old settings, and no zone.
_NO_PLACES = frozenset({"localtime", "posixrules", "Factory"})


def zone_of(name: str) -> ZoneInfo:
    """The zone of that IANA name ("America/Sao_Paulo").

    Raises ValueError where there is none.
    """
    if name not in _names():
        raise ValueError(f"unknown time zone {name!r}: give an IANA name such as 'America/Sao_Paulo'")
    return ZoneInfo(name)


@lru_cache(maxsize=1)  # it reads the whole database
def _names() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_PLACES)
