"""Finding a campaign's contacts by their number, some thousands at a time, however many there are."""

from __future__ import annotations

import re

from broadcast.domain.contact import Status
from broadcast.engine.telling import ContactPage, contact_of
from broadcast.errors import FieldError, Invalid, NotFound
from broadcast.store import Store

#: One search looks at so many contacts, so many by one script, lest a departure waits for it, and finds so many at the
#: most; the next goes on from there.
SEARCHED = 20_000
SEARCHED_AT_ONCE = 500
MOST_FOUND = 50


def search(
    store: Store,
    campaign: str,
    digits: str,
    *,
    status: Status | None = None,
    reason: str | None = None,
    cursor: str | None,
) -> ContactPage:
    """The contacts in whose number the digits are, in their order; of a status and for a reason, where one is given.

    Raises NotFound, and Invalid as `contacts` does.
    """
    look = store.campaigns.look(campaign)
    if look is None:
        raise NotFound(f"There is no campaign {campaign}.")
    total, first = int(look.order["total"]), _after(cursor) + 1
    end, found = min(total, first + SEARCHED), list[int]()
    for start in range(first, end, SEARCHED_AT_ONCE):
        last = min(start + SEARCHED_AT_ONCE, end)
        found += store.contacts.find(campaign, digits, first=start, last=last, status=status, reason=reason)
        if len(found) > MOST_FOUND:
            end = found[MOST_FOUND]
            break
    rows = store.contacts.some(campaign, found[:MOST_FOUND])
    items = [contact_of(number, fields) for number, fields in rows if fields]
    return ContactPage(items=items, next_cursor=str(end - 1) if end < total else None)


def _after(cursor: str | None) -> int:
    if cursor is not None and not re.fullmatch(r"\d{1,12}", cursor, re.ASCII):
        raise Invalid(FieldError("/cursor", "is not a cursor of ours"))
    return int(cursor) if cursor is not None else -1
