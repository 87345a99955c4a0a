"""Opt-outs as people keep them: many put on the suppression list at once, told of page by page, and taken off again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broadcast.domain.phone import identity, normalise
from broadcast.engine.suppressing import put
from broadcast.errors import FieldError, Invalid
from broadcast.store import Store

#: People that an export reads in one round trip.
AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Somebody is to hear no more of us: the number as it was given, and where we know it from."""

    phone: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Added:
    """What became of wishes: every one is of somebody new, of somebody known, or invalid."""

    new: Sequence[str]  #: E.164 digits
    known: int
    invalid: Sequence[int]  #: the places of those that cannot be a number, from 0


@dataclass(frozen=True, kw_only=True)
class Suppressed:
    """Somebody on the list. `phone` is E.164 digits, in the form that was given first; `since` is RFC 3339."""

    phone: str
    source: str | None
    since: str | None


@dataclass(frozen=True, kw_only=True)
class SuppressedPage:
    """Some of the list, and where the next page begins (None: this is the last). It may be short, or longer."""

    items: Sequence[Suppressed]
    next_cursor: str | None


def add(store: Store, wishes: Sequence[Wish], *, country: str, since: str) -> Added:
    """Put everybody on the list whose number can be one, `since` (RFC 3339). Who is there already stays as they are."""
    numbers = [normalise(wish.phone, country=country) for wish in wishes]
    people: dict[str, str] = {}
    for number, wish in zip(numbers, wishes, strict=True):
        if number is not None:
            people.setdefault(number, wish.source)
    new = put(store, people, since=since)
    invalid = [place for place, number in enumerate(numbers) if number is None]
    return Added(new=new, known=len(wishes) - len(invalid) - len(new), invalid=invalid)


def remove(store: Store, phone: str, *, country: str) -> str | None:
    """Take somebody off the list; return the digits they were found by, None when nobody is there.

    Digits are looked for as the list shows them first, and then read as anybody writes a number: alone, those of a
    foreign number may be read as another person's. Raises Invalid for what cannot be a number.
    """
    shown = phone if re.fullmatch(r"\d{7,15}", phone, re.ASCII) else None
    read = normalise(phone, country=country)
    if shown is None and read is None:
        raise Invalid(FieldError("/phone", "cannot be a phone number"))
    forms = dict.fromkeys(digits for digits in (shown, read) if digits)
    return next((digits for digits in forms if store.suppressions.remove(identity(digits))), None)


def page(store: Store, *, limit: int, cursor: str | None) -> SuppressedPage:
    """A page of the list, in no order. Raises Invalid for a cursor that is not one of ours."""
    found, after = store.suppressions.page(cursor=_read_cursor(cursor), limit=limit)
    items = [_suppressed(person, known) for person, known in found.items()]
    return SuppressedPage(items=items, next_cursor=str(after) if after else None)


def everybody(store: Store) -> Iterator[Sequence[Suppressed]]:
    """The whole list, page by page; somebody may be told of twice while the list changes."""
    cursor: str | None = None
    while True:
        found = page(store, limit=AT_ONCE, cursor=cursor)
        yield found.items
        cursor = found.next_cursor
        if cursor is None:
            return


def _suppressed(person: str, known: Mapping[str, Any]) -> Suppressed:
    sources = ", ".join(filter(None, (known.get("source"), *sorted(known.get("also", ())))))
    return Suppressed(phone=known.get("phone", person), source=sources or None, since=known.get("since"))


def _read_cursor(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not re.fullmatch(r"\d{1,20}", cursor, re.ASCII) or int(cursor) >= 2**64:
        raise Invalid(FieldError("/cursor", "is not a cursor of ours"))
    return int(cursor)
