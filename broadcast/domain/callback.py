"""A callback: our news of a campaign to the CRM, the CRM's host that takes it, and what became of it."""

from __future__ import annotations

from enum import Enum
from urllib.parse import urlsplit

#: scheme -> the port that an address without one means
PORTS = {"http": 80, "https": 443}


class News(str, Enum):
    """What a callback tells, by the names of its `type`. The scripts write them where the thing happens."""

    STARTED = "campaign.started"
    PROGRESS = "campaign.progress"
    PAUSED = "campaign.paused"
    RESUMED = "campaign.resumed"  #: also when a completed campaign runs again
    COMPLETED = "campaign.completed"
    CANCELLED = "campaign.cancelled"
    CONTACT_FAILED = "contact.failed"
    CONTACT_UNCONFIRMED = "contact.unconfirmed"


class Delivery(str, Enum):
    """What became of a callback."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"  #: given up; only a replay tries it again


def host_of(url: str) -> str:
    """Which host takes the callbacks of an address, written the same for all of its addresses: `https://crm:443`."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    return f"{parts.scheme}://{f'[{name}]' if ':' in name else name}:{parts.port or PORTS[parts.scheme]}"
