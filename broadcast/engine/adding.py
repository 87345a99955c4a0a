"""Adding contacts to an open campaign, chunk by chunk, and starting it: for audiences past one request."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, islice

from broadcast.domain.campaign import State
from broadcast.domain.contact import Recipient, Status
from broadcast.domain.content import Needs
from broadcast.domain.phone import identity, normalise, why_none
from broadcast.engine.accepting import values_of
from broadcast.engine.foretelling import foretold
from broadcast.errors import Conflict, FieldError, Invalid, NotFound
from broadcast.pacing import Load
from broadcast.store import Store
from broadcast.store.campaigns import CHUNK, Look, Newcomer

#: The most contacts of one campaign.
MOST_CONTACTS = 1_000_000
#: So many rows that are left out are named.
MOST_NAMED = 100


@dataclass(frozen=True)
class Row:
    """A contact as it was written, and where: the row counts from 1."""

    number: int
    recipient: Recipient


@dataclass
class Added:
    """What became of a chunk; the same each time it is sent."""

    queued: int = 0
    skipped: int = 0
    reasons: Counter[str] = field(default_factory=Counter)  #: why contacts were left out -> how many
    left_out: list[tuple[int, str, str]] = field(default_factory=list)  #: the first of them: row, reason and detail


def add(store: Store, campaign: str, rows: Iterable[Row], *, chunk: int, country: str) -> Added:
    """Add a chunk's contacts, some hundreds at a time; what is added stays, whatever comes after it.

    The same chunk again changes nothing, and one that broke off is gone on with. Raises NotFound, Conflict for a
    campaign that is not open or a chunk that held something else, and Invalid for too many contacts.
    """
    found = store.campaigns.find(campaign)
    if found is None:
        raise NotFound(f"There is no campaign {campaign}.")
    added, digest, left, needs = Added(), hashlib.sha256(), iter(rows), Needs(found.content)
    for part in count():
        batch = list(islice(left, CHUNK))
        newcomers = [_newcomer(row.recipient, needs, country=country) for row in batch]
        for one in newcomers:
            digest.update(repr((one.phone, sorted(one.values.items()))).encode("utf-8", "surrogatepass"))
        reply = store.campaigns.add(
            campaign, newcomers, chunk=chunk, part=part, digest=digest.hexdigest(), most=MOST_CONTACTS
        )
        for row, one, reason in zip(batch, newcomers, _reasons(campaign, chunk, reply), strict=True):
            _count(added, row, reason, one.detail if reason == one.reason else "")
        if len(batch) < CHUNK:  # the part that is not full is the chunk's end
            break
    return added


def start(store: Store, campaign: str, *, zone: str = "UTC") -> tuple[State, str]:
    """Start an open campaign; twice is once. Its state and instance. Raises NotFound, or Conflict without contacts.

    What is foretold of its end is kept with it; see `accept`.
    """
    look = store.campaigns.look(campaign)
    found = store.campaigns.start(campaign, foretold=_foretold(store, look, zone)) if look else None
    if found is None:
        raise NotFound(f"There is no campaign {campaign}.")
    is_done, state, instance = found
    if not is_done:
        raise Conflict(f"Campaign {campaign} has no contacts.")
    return state, instance


def _foretold(store: Store, look: Look, zone: str) -> Mapping[str, str]:
    order = look.order
    own = Load(
        left=look.tally.get(Status.PENDING.value, 0),
        priority=int(order["priority"]),
        gap_ms=int(order["gap_ms"]),
        jitter_ms=int(order["jitter_ms"]),
    )
    begins_ms = int(order["scheduled_ms"]) if "scheduled_ms" in order else None
    return foretold(store, order["instance"], own, begins_ms=begins_ms, zone=zone) if order.get("open") else {}


def _newcomer(recipient: Recipient, needs: Needs, *, country: str) -> Newcomer:
    digits, values = normalise(recipient.phone, country=country), values_of(recipient)
    if digits is None:
        why = why_none(recipient.phone, country=country)
        return Newcomer(phone=recipient.phone[:64], identity="", values=values, reason="invalid_phone", detail=why)
    reason, detail = needs.why_not(values)
    return Newcomer(phone=digits, identity=identity(digits), values=values, reason=reason or None, detail=detail)


def _reasons(campaign: str, chunk: int, reply: tuple[str, Iterable[str]] | None) -> Iterator[str]:
    """Why each contact was left out, "" where it was not."""
    if reply is None:
        raise NotFound(f"There is no campaign {campaign}.")
    word, rest = reply
    if word == "added":
        return iter(rest)
    if word == "full":
        raise Invalid(FieldError("", f"has too many contacts: a campaign has at most {MOST_CONTACTS}"))
    raise Conflict(_REFUSED[word].format(campaign=campaign, chunk=chunk, state=rest))


#: word of add.lua -> what it means
_REFUSED: Mapping[str, str] = {
    "closed": "Campaign {campaign} is {state}, and not open for contacts.",
    "other": "Chunk {chunk} of campaign {campaign} held other contacts; give these a number of their own.",
}


def _count(added: Added, row: Row, reason: str, detail: str) -> None:
    if not reason:
        added.queued += 1
        return
    added.skipped += 1
    added.reasons[reason] += 1
    if len(added.left_out) < MOST_NAMED:
        added.left_out.append((row.number, reason, detail))
