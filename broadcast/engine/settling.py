"""Settling what a gateway tells us later: receipts in whatever order, echoes, opt-outs, and news of the instance."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from broadcast.domain.content import Content
from broadcast.domain.filling import render
from broadcast.domain.optout import Source, chose_out, wants_out
from broadcast.domain.phone import identity
from broadcast.domain.receipt import Echo, Inbound, Preference, Receipt
from broadcast.engine.acting import act
from broadcast.engine.remedies import why_halted
from broadcast.engine.slowing import restrict_if_errors_tell
from broadcast.engine.suppressing import release, suppress
from broadcast.store import Store
from broadcast.store.tickets import Doubt

log = logging.getLogger(__name__)

#: How long an unconfirmed contact can still be resolved by an echo: as long as gateways repeat a webhook, and more.
DOUBTED_MS = 3_600_000
#: How far apart our clock and the gateway's may be.
CLOCKS_MS = 60_000


def settle(
    store: Store, instance: str, receipts: Sequence[Receipt], *, max_attempts: int = 1, account: str | None = None
) -> int:
    """Apply the receipts, and what they mean beyond their contact; return how many were news.

    `account` is whose they are by their gateway, where it says: later news may be of all its instances.

    One that is older than what is known changes nothing. Whatever of this Redis could not take is done when the
    receipts come again. Raises Unavailable.
    """
    if not receipts:
        return 0
    settled = store.contacts.settle(instance, receipts, account=account, because=why_halted)
    act(store, instance, [one for one in settled if one.news], max_attempts=max_attempts)
    # Not of those that moved alone: these may have come before, and Redis failed before anybody looked.
    if any(one.receipt.is_unexplained and one.word != "parked" for one in settled):
        _look_at_errors(store, instance)
    return sum(one.word == "moved" for one in settled)


def _look_at_errors(store: Store, instance: str) -> None:
    if restrict_if_errors_tell(store, instance):
        ids = {"action": "settle", "instance": instance}
        log.warning("restricted: too many messages fail without a reason", extra=ids)


def heed(store: Store, instance: str, said: Sequence[Inbound | Preference], *, words: Collection[str]) -> int:
    """Suppress those who wrote an opt-out or told the gateway so, take back those who changed their mind; how many."""
    return sum(_heed(store, instance, one, words) for one in said)


def _heed(store: Store, instance: str, one: Inbound | Preference, words: Collection[str]) -> bool:
    if isinstance(one, Inbound):
        means_us = chose_out(one.text, one.behind, words) if one.is_tap else wants_out(one.text, words)
        return means_us and suppress(store, one.phone, source=Source.MESSAGE.at(instance))
    if one.stops:
        return suppress(store, one.phone, source=Source.MENU.at(instance), at_ms=one.at_ms)
    # What somebody wrote, or an operator entered, or another number was told, a switch in this menu does not undo.
    ours = (Source.MENU.at(instance), Source.ANSWER.at(instance))
    return release(store, one.phone, only_from=ours, at_ms=one.at_ms)


def adopt(store: Store, instance: str, echo: Echo, *, lease_ms: int) -> bool:
    """Find the contact whose message an echo tells of, and say that it is sent; False when there is not just one.

    By an id that is known it is found without a doubt, else by person, kind, text and time. What the echo says beyond
    that is then settled as its receipt; of a stranger's message nobody wants to know.
    """
    word, campaign = store.contacts.recognise(instance, echo.message_id), ""
    is_ours = word != "unknown"
    if not is_ours:
        word, campaign = _adopt(store, instance, echo, lease_ms)
        is_ours = word != "kept"
    if word == "failed":
        _look_at_errors(store, instance)
    elif word == "halted":
        ids = {"action": "settle", "instance": instance, "campaign": campaign}
        log.warning("paused by a receipt that came before its message was found", extra=ids)
    if is_ours and echo.receipt is not None:
        settle(store, instance, [echo.receipt])
    return word != "kept"


def _adopt(store: Store, instance: str, echo: Echo, lease_ms: int) -> tuple[str, str]:
    """What became of the one contact whom the echo may be of, "kept" where there is not just one; and its campaign."""
    if echo.phone is None:
        return "kept", ""
    doubts = store.contacts.doubts(
        instance, echo.message_id, since_ms=DOUBTED_MS, departed=_departed(echo, lease_ms=lease_ms)
    )
    contents = {doubt.campaign: _content(store, doubt.campaign) for doubt in doubts}
    meant = [doubt for doubt in doubts if is_meant(echo, doubt, contents[doubt.campaign], lease_ms=lease_ms)]
    if len(meant) != 1:
        return "kept", ""
    return store.contacts.adopt(instance, meant[0], echo.message_id), meant[0].campaign


def is_meant(echo: Echo, doubt: Doubt, content: Content | None, *, lease_ms: int) -> bool:
    """Whether the echo may be of this contact's message: the same person, kind, text, and time on the wire."""
    if content is None or echo.phone is None or identity(echo.phone) != identity(doubt.phone):
        return False
    if content.kind not in echo.kinds or echo.text != render(content.text, doubt.values, variant=doubt.reference):
        return False
    departed = _departed(echo, lease_ms=lease_ms)
    return departed is None or departed[0] <= doubt.departed_ms <= departed[1]


def _departed(echo: Echo, *, lease_ms: int) -> tuple[int, int] | None:
    """Between which moments its message left, Unix ms; None where the echo names no time."""
    return None if echo.at_ms is None else (echo.at_ms - lease_ms - CLOCKS_MS, echo.at_ms + CLOCKS_MS)


def _content(store: Store, campaign: str) -> Content | None:
    found = store.campaigns.find(campaign)
    return found.content if found else None
