"""Removing what need not be kept: campaigns that are over, and one person's data. Either may be interrupted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from broadcast.domain.phone import at_home, forms, identity, mask, normalise
from broadcast.errors import Conflict, FieldError, Invalid, NotFound
from broadcast.store import Store
from broadcast.store.removals import ERASED_AT_ONCE, LOOKED_AT_ONCE

DAY_MS = 86_400_000
#: A removal that nobody has gone on with for so long is taken up again.
IDLE_MS = 60_000

#: An attempt at accepting a campaign whose lease is over for so long is nobody's: no request lives that long.
BROKEN_OFF_MS = 300_000


@dataclass(frozen=True, kw_only=True)
class Forgetting:
    """A person who is being forgotten, by a token that says nothing about them, and a number fit to be shown."""

    token: str
    masked: str


def remove(store: Store, campaign: str) -> None:
    """Begin to remove a campaign: from now on it does not exist for anybody. Raises NotFound, or Conflict."""
    found = store.removals.remove(campaign)
    if found is None:
        raise NotFound(f"There is no campaign {campaign}.")
    begun, state = found
    if not begun:
        raise Conflict(f"Campaign {campaign} is {state.value}: cancel it first, or wait for what is on its way.")


def expire(store: Store, *, days: int) -> list[str]:
    """Begin to remove the campaigns that ended so many days ago (0: none); which they are."""
    begun: list[str] = []
    over, looked, age_ms = 0, 1, days * DAY_MS
    while days and looked:
        looked, aged = store.removals.aged(age_ms=age_ms, over=over)
        removing = [campaign for campaign in aged if (store.removals.remove(campaign, age_ms=age_ms) or [False])[0]]
        over += looked - len(removing)  # the others are still among the oldest
        begun += removing
    return begun


def erase(store: Store, campaign: str, *, limit: int) -> int:
    """Erase up to `limit` contacts of a campaign that is being removed; how many are left, or -1: it is gone."""
    left = 0
    for _ in range(0, limit, ERASED_AT_ONCE):
        left = store.removals.erase(campaign)
        if left < 0:
            break
    return left


def give_up_stagings(store: Store) -> list[str]:
    """Remove what was stored of campaigns whose accepting broke off, which nobody can see; which they are."""
    given_up, token = [], uuid.uuid4().hex
    for campaign in store.removals.stagings(idle_ms=BROKEN_OFF_MS):
        stored = store.campaigns.abandon(campaign, token=token, lease_ms=IDLE_MS, idle_ms=BROKEN_OFF_MS)
        if stored >= 0:
            store.campaigns.release(campaign, token=token, stored=stored)
            given_up.append(campaign)
    return given_up


def forget(store: Store, phone: str, *, country: str) -> Forgetting:
    """Note that a person's data are to be removed from every campaign; twice is once. Raises Invalid."""
    digits = normalise(phone, country=country)
    if digits is None:
        raise Invalid(FieldError("/phone", "cannot be a phone number"))
    token = store.suppressions.hash_only(identity(digits))
    phones = {form: mask(form) for form in forms(digits)}
    sought = {at_home(form): masked for form, masked in phones.items()}
    store.removals.wish(token, phones, sought=sought, identity=identity(digits))
    return Forgetting(token=token, masked=mask(digits))


def blank(store: Store, token: str, *, limit: int) -> tuple[str, int]:
    """Go on with a person, looking at up to `limit` contacts: see `Removals.forget`."""
    word, blanked = "on", 0
    for _ in range(0, limit, LOOKED_AT_ONCE):
        word, blanked = store.removals.forget(token)
        if word != "on":
            break
    return word, blanked
