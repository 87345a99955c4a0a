"""Suppressing: who wants no more messages gets none, whoever said so."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice

from broadcast.domain.phone import identity, mask
from broadcast.engine.wording import rfc3339
from broadcast.store import Store

log = logging.getLogger(__name__)

#: People that one round trip puts on the list.
AT_ONCE = 1000


def put(store: Store, people: Mapping[str, str], *, since: str, is_told: bool = False) -> list[str]:
    """Put people on the list, E.164 digits -> where we know it from; return the digits of those who are new.

    `since` is RFC 3339. Who is there already stays as they are, and so does who changed their mind since, where a
    gateway tells it (`is_told`).
    """
    known: dict[str, Mapping[str, str]] = {}
    for digits, source in people.items():
        person, is_known = _known(digits, source, since)
        known.setdefault(person, is_known)
    left, new = iter(known.items()), frozenset[str]()
    while chunk := dict(islice(left, AT_ONCE)):
        new |= store.suppressions.add(chunk, is_told=is_told)
    return [one["phone"] for person, one in known.items() if person in new]


def bring_up_to_date(store: Store) -> int:
    """Let those whom an earlier version put on the list be found by their identity as it is now; how many were not.

    Where they were kept they stay: that may be somebody else's identity as well.
    """
    if store.suppressions.is_current():
        return 0
    moved, cursor = 0, 0
    while True:
        people, cursor = store.suppressions.page(cursor=cursor, limit=AT_ONCE)
        misplaced = {
            identity(one["phone"]): one for name, one in people.items() if name != identity(one.get("phone", name))
        }
        moved += len(store.suppressions.add(misplaced))
        if not cursor:
            store.suppressions.be_current()
            return moved


def suppression(phone: str, *, source: str) -> tuple[str, Mapping[str, str]]:
    """A person's identity, and what the list keeps of them from now on. `phone` is E.164 digits."""
    return _known(phone, source, _moment())


def suppress(store: Store, phone: str, *, source: str, at_ms: int | None = None) -> bool:
    """Put a person on the list; False when they are on it already. `phone` is E.164 digits.

    `at_ms` is when they said so, Unix ms; None for now.
    """
    return bool(_put_and_tell(store, [phone], source, since=_moment(at_ms), is_told=at_ms is not None))


def suppress_all(store: Store, phones: Sequence[str], *, source: str) -> None:
    """Put people on the list, E.164 digits each."""
    _put_and_tell(store, phones, source, since=_moment())


def release(store: Store, phone: str, *, only_from: Collection[str], at_ms: int | None = None) -> bool:
    """Undo what these sources said of a person; True when that takes them off the list.

    They stay where something else put them there as well, or one of these did so after `at_ms`, Unix ms.
    """
    upto = "" if at_ms is None else _moment(at_ms)
    # By a clock that is ahead, what they say later must count all the same.
    is_off = store.suppressions.relent(identity(phone), only_from, upto=upto, remembered=upto and min(upto, _moment()))
    if is_off:
        log.info("off the list again: %s", mask(phone), extra={"action": "suppress"})
    return is_off


def _put_and_tell(store: Store, phones: Iterable[str], source: str, *, since: str, is_told: bool = False) -> list[str]:
    new = put(store, dict.fromkeys(phones, source), since=since, is_told=is_told)
    for phone in new:
        log.info("opted out: %s", mask(phone), extra={"action": "suppress", "source": source})
    return new


def _known(phone: str, source: str, since: str) -> tuple[str, Mapping[str, str]]:
    return identity(phone), {"phone": phone, "source": source, "since": since}


def _moment(at_ms: int | None = None) -> str:
    """When it was, in whole seconds; None for now."""
    seconds = time.time() if at_ms is None else at_ms // 1000
    return rfc3339(int(seconds) * 1000)
