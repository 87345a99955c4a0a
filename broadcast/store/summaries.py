"""What a campaign came to, in Redis: its summary while that is kept, and the record of its departures."""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from secrets import token_hex
from typing import Any

from redis.client import NEVER_DECODE

from broadcast.store.keys import key
from broadcast.store.scripts import Scripts

#: s; who counts and dies holds the others up for no longer.
CLAIM_S = 15
#: Bytes of the record that one round trip reads, 8 a departure.
READ_AT_ONCE = 512 * 1024


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A summary as it was kept."""

    epoch: str  #: the campaign's state that it is of
    rev: str | None  #: the campaign's revision when counting began
    as_of_ms: int  #: Unix ms by Redis's clock, before the first contact was read
    took_ms: int
    summary: Mapping[str, Any]


class Summaries:
    """Both go when their campaign is removed."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def kept(self, campaign: str) -> Kept | None:
        """The last summary that was kept of a campaign."""
        text = self._scripts.ask(lambda: self._scripts.client.get(key("summary", campaign)))
        parts = json.loads(text) if text else {}
        # An older version kept other parts.
        return Kept(**parts) if parts.keys() == {one.name for one in fields(Kept)} else None

    def keep(self, campaign: str, kept: Kept, *, created: str, keep_s: int) -> bool:
        """Keep a summary for so long; False where the campaign is gone, or a newer one is kept."""
        text = json.dumps(asdict(kept))
        return bool(self._scripts.run("keep_summary", campaign, created, kept.as_of_ms, keep_s, text))

    def claim(self, campaign: str, *, epoch: str) -> str | None:
        """Be the one that counts a campaign in this state: a token to release with; None while another is."""
        token, counting = token_hex(8), key("counting", campaign, epoch)
        is_ours = self._scripts.ask(lambda: self._scripts.client.set(counting, token, nx=True, ex=CLAIM_S))
        return token if is_ours else None

    def hold(self, campaign: str, *, epoch: str, token: str) -> None:
        """Go on counting; nothing where the claim is another's by now."""
        self._scripts.run("hold_count", campaign, epoch, token, CLAIM_S)

    def release(self, campaign: str, *, epoch: str, token: str) -> None:
        """Let the next one count; nothing where the claim is another's by now."""
        self._scripts.run("hold_count", campaign, epoch, token, 0)

    def departures(self, campaign: str) -> array[int]:
        """Every departure that was noted of a campaign, Unix ms; a round trip for each 65,536 of them."""
        found, read = array("q"), b" "
        while read:
            read = self._range(campaign, first=len(found) * found.itemsize)
            found.frombytes(read)
        if sys.byteorder == "big":
            found.byteswap()
        return found

    def _range(self, campaign: str, *, first: int) -> bytes:
        command = ("GETRANGE", key("departures", campaign), first, first + READ_AT_ONCE - 1)
        # As bytes: the client reads everything else as text.
        client: Any = self._scripts.client
        read: bytes = self._scripts.ask(lambda: client.execute_command(*command, **{NEVER_DECODE: True}))
        return read
