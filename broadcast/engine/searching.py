"""Finding a campaign's contacts by their number, some thousands at a time, however many there are."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

from broadcast.domain.contact import Status
from broadcast.domain.phone import forms, normalise
from broadcast.engine.telling import ContactPage, contact_of
from broadcast.engine.tracing import SHARED
from broadcast.errors import FieldError, Invalid, NotFound
from broadcast.store import Store

#: One search looks at so many contacts, and for so long at others where nobody was among these; at so many by one
#: script, lest a departure waits for it. It finds so many at the most; the next goes on from there.
SEARCHED = 20_000
SEARCH_S = 1.0
SEARCHED_AT_ONCE = 500
MOST_FOUND = 50


def search(
    store: Store,
    campaign: str,
    wanted: str,
    *,
    country: str,
    status: Status | None = None,
    reason: str | None = None,
    cursor: str | None,
    clock: Callable[[], float] = time.monotonic,
) -> ContactPage:
    """The contacts whose number is `wanted`, or has its digits, in their order; of a status and for a reason, if given.

    Raises NotFound, and Invalid as `contacts` does.
    """
    look = store.campaigns.look(campaign)
    if look is None:
        raise NotFound(f"There is no campaign {campaign}.")
    total, first, until = int(look.order["total"]), _after(cursor) + 1, clock() + SEARCH_S
    ending, fits = re.sub(r"\D", "", wanted)[-SHARED:], _fitting(wanted, country=country)
    end, rows = first, list[tuple[int, Mapping[str, str]]]()
    while end < total and len(rows) <= MOST_FOUND and (end < first + SEARCHED or not (rows or clock() >= until)):
        start, end = end, min(end + SEARCHED_AT_ONCE, total)
        found = store.contacts.find(campaign, ending, first=start, last=end, status=status, reason=reason)
        read = store.contacts.some(campaign, found)
        rows += [(number, fields) for number, fields in read if fields and fits(fields["phone"])]
    if len(rows) > MOST_FOUND:
        end = rows[MOST_FOUND][0]
    items = [contact_of(number, fields) for number, fields in rows[:MOST_FOUND]]
    return ContactPage(items=items, next_cursor=str(end - 1) if end < total else None)


def _fitting(wanted: str, *, country: str) -> Callable[[str], bool]:
    """Whether a contact's number is the one that was written, in any form, or has its digits in one of its forms."""
    digits, whole = re.sub(r"\D", "", wanted), normalise(wanted, country=country)
    person = forms(whole) if whole else frozenset()
    return lambda phone: phone in person or any(digits in form for form in forms(phone))


def _after(cursor: str | None) -> int:
    if cursor is not None and not re.fullmatch(r"\d{1,12}", cursor, re.ASCII):
        raise Invalid(FieldError("/cursor", "is not a cursor of ours"))
    return int(cursor) if cursor is not None else -1
