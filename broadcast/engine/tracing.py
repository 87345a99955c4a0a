"""Finding one person in all campaigns, some thousands of contacts at a time, however many there are."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from broadcast.domain.campaign import Progress
from broadcast.domain.phone import forms, identity, normalise
from broadcast.engine import telling
from broadcast.engine.telling import ContactView, contact_of
from broadcast.errors import FieldError, Invalid
from broadcast.store import Store

#: One look goes through so many contacts, so many by one script, and so many campaigns; the next goes on from there.
LOOKED_AT = 20_000
LOOKED_AT_ONCE = 500
CAMPAIGNS_LOOKED_AT = 200
#: Every form of a number ends with the same so many digits.
SHARED = 8


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A person in a campaign, and what became of them there. Times are Unix ms."""

    campaign: str
    instance: str
    created_ms: int
    contact: ContactView


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Where a person was found, the newest campaign first, and where the next look goes on (None: that was all)."""

    phone: str  #: E.164 digits
    items: Sequence[Trace]
    is_suppressed: bool  #: whether they are on the suppression list
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a look goes on: the first campaign after a cursor of the campaigns' list, and there at a contact."""

    after: str | None = None
    campaign: str = ""
    first: int = 0

    def first_of(self, campaign: Progress) -> int:
        """The contact to go on with; the first where the campaign that was left off at has been removed since."""
        return self.first if campaign.id == self.campaign else 0


def trace(
    store: Store, phone: str, *, country: str, instances: frozenset[str] | None, cursor: str | None = None
) -> Traces:
    """Look for a person in the campaigns of these instances (None: of all), in every form of their number.

    Raises Invalid for what cannot be a number, or a cursor that is not one of ours.
    """
    digits = normalise(phone, country=country)
    if digits is None:
        raise Invalid(FieldError("/phone", "cannot be a phone number"))
    place: _Place | None = _read(cursor)
    items, left, campaigns = list[Trace](), LOOKED_AT, CAMPAIGNS_LOOKED_AT
    while place and left > 0 and campaigns > 0:
        page = telling.page(store, state=None, instances=instances, limit=1, cursor=place.after)
        following = _Place(after=page.next_cursor) if page.next_cursor else None
        for campaign in page.items:
            first = place.first_of(campaign)
            end = min(campaign.total, first + left)
            items += _in(store, campaign, digits, first=first, end=end)
            left, campaigns = left - (end - first), campaigns - 1
            if end < campaign.total:
                following = _Place(after=place.after, campaign=campaign.id, first=end)
        place = following
    has_opted = has_opted_out(store, digits)
    return Traces(phone=digits, items=items, is_suppressed=has_opted, next_cursor=_cursor(place) if place else None)


def has_opted_out(store: Store, digits: str) -> bool:
    """Whether the person is on the suppression list."""
    return bool(store.suppressions.among([identity(digits)]))


def _in(store: Store, campaign: Progress, digits: str, *, first: int, end: int) -> Iterator[Trace]:
    """The person's contacts of one campaign with numbers from `first` up to `end`."""
    wanted, ending = forms(digits), digits[-SHARED:]
    for start in range(first, end, LOOKED_AT_ONCE):
        found = store.contacts.find(campaign.id, ending, first=start, last=min(start + LOOKED_AT_ONCE, end))
        for number, fields in store.contacts.some(campaign.id, found):
            if fields.get("phone") in wanted:
                yield Trace(
                    campaign=campaign.id,
                    instance=campaign.instance,
                    created_ms=campaign.created_ms,
                    contact=contact_of(number, fields),
                )


def _cursor(place: _Place) -> str:
    return base64.urlsafe_b64encode(json.dumps([place.after, place.campaign, place.first]).encode()).decode()


def _read(cursor: str | None) -> _Place:
    """Raises Invalid for what `_cursor` did not write."""
    if cursor is None:
        return _Place()
    try:
        after, campaign, first = json.loads(base64.urlsafe_b64decode(cursor))
        if not ((after is None or isinstance(after, str)) and isinstance(campaign, str) and isinstance(first, int)):
            raise TypeError
    except (ValueError, TypeError) as error:
        raise Invalid(FieldError("/cursor", "is not a cursor of ours")) from error
    return _Place(after=after, campaign=campaign, first=max(first, 0))
