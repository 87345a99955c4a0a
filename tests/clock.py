"""A clock that a Redis goes by and a test sets, with libfaketime (Debian: apt install faketime)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

#: What lies about the time to a process, and to no clock that measures a while.
LIAR = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
needs_liar = pytest.mark.skipif(LIAR is None, reason="libfaketime is not there (Debian: apt install faketime)")


class Clock:
    """A host's clock, right until it is set; whoever was started with `env` sees that within a second."""

    def __init__(self, folder: Path) -> None:
        self._told = folder / "clock"
        self.set("+0")

    @property
    def env(self) -> Mapping[str, str]:
        return {
            "LD_PRELOAD": str(LIAR),
            "FAKETIME_TIMESTAMP_FILE": str(self._told),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, by: str) -> None:
        """Set it by so much (-2m, -30d) away from what is right."""
        self._told.write_text(by)
