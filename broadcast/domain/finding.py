"""A finding: what somebody who looked at an installation has to say about one part of it, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(str, Enum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"  #: it works, and will hurt one day
    ERROR = "error"  #: it does not work, or loses what must not be lost


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One part of the installation, judged. `remedy` is empty where there is nothing to do."""

    level: Level
    subject: str
    text: str
    remedy: str = ""


def ok(subject: str, text: str) -> Finding:
    """All is well here."""
    return Finding(level=Level.OK, subject=subject, text=text)


def warning(subject: str, text: str, remedy: str) -> Finding:
    """It works, and will hurt one day."""
    return Finding(level=Level.WARNING, subject=subject, text=text, remedy=remedy)


def error(subject: str, text: str, remedy: str) -> Finding:
    """It does not work, or loses what must not be lost."""
    return Finding(level=Level.ERROR, subject=subject, text=text, remedy=remedy)
