"""Acting on what failures say of more than their contacts, by the same table as answers, only later.

Each is acted on once, however often a gateway tells of it: a person may have decided otherwise since. What Redis could
not take is done when the gateway tells again. All that say the same are one deed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from broadcast.domain.answer import Busy, Closed, Refused, Scope
from broadcast.domain.optout import Source
from broadcast.engine.outcomes import MOST_GROWN
from broadcast.engine.slowing import slow_down
from broadcast.engine.steering import closed, halt
from broadcast.engine.suppressing import suppress_all
from broadcast.pacing import back_off_ms
from broadcast.store import Store
from broadcast.store.tickets import Deferral, Settled

log = logging.getLogger(__name__)


def act(store: Store, instance: str, news: Sequence[Settled], *, max_attempts: int) -> None:
    """Do what these say, a deed and not a contact at a time. Raises Unavailable."""
    _close(store, instance, _closings(news, Scope.INSTANCE))
    ours = [one for one in news if one.campaign]  # the others are of nobody that we know, yet
    _halt(store, instance, _closings(ours, Scope.CAMPAIGN))
    gone = [one for one in news if isinstance(one.receipt.means, Refused) and one.receipt.means.opts_out]
    _suppress(store, instance, gone)
    late = [(one, one.receipt.means) for one in ours if isinstance(one.receipt.means, Busy)]
    _slow(store, instance, [means for _, means in late if not means.contact_only])
    if late:
        store.contacts.defer([_deferral(one, means, max_attempts) for one, means in late])
    # Who is not known by then may be later.
    done = [*(one for one in gone if one.campaign or one.receipt.phone), *(one for one, _ in late)]
    if done:
        store.contacts.heeded(instance, [one.news for one in done])


def _suppress(store: Store, instance: str, gone: Sequence[Settled]) -> None:
    """Whoever the gateway names, whosever message it was; else whose contact it is."""
    contacts = [(one.campaign, one.number) for one in gone if one.campaign]
    known = store.contacts.phones(contacts) if contacts else []
    named = [one.receipt.phone for one in gone if one.receipt.phone]
    people = [phone for phone in (*known, *named) if phone.isdecimal()]  # who was forgotten is masked
    if people:
        suppress_all(store, people, source=Source.ANSWER.at(instance))


def _closings(news: Sequence[Settled], scope: Scope) -> list[tuple[Settled, Closed]]:
    said = ((one, one.receipt.means) for one in news)
    return [(one, means) for one, means in said if isinstance(means, Closed) and means.scope is scope]


def _close(store: Store, instance: str, said: Sequence[tuple[Settled, Closed]]) -> None:
    # Only words that we know whose they are can be taken back when that person is forgotten.
    details = {
        means.reason: (one.receipt.detail or means.detail, f"{one.campaign}:{one.number}")
        for one, means in reversed(said)
        if one.campaign
    }
    for reason, those in _by((means.reason, one) for one, means in said).items():
        detail, of = details.get(reason, ("", ""))
        if closed(store, instance, reason, detail=detail, of=of, news=[one.news for one in those]):
            log.warning("closed by receipts: %s (%s)", reason, detail, extra={"action": "settle", "instance": instance})


def _halt(store: Store, instance: str, said: Sequence[tuple[Settled, Closed]]) -> None:
    because = {
        one.campaign: (": ".join(filter(None, (means.reason, one.receipt.detail))), one.number) for one, means in said
    }
    for campaign, those in _by((one.campaign, one) for one, _ in said).items():
        why, of = because[campaign]
        if halt(store, campaign, why, of=of, news=[one.news for one in those]):
            ids = {"action": "settle", "instance": instance, "campaign": campaign}
            log.warning("paused by receipts: %s", why, extra=ids)


def _slow(store: Store, instance: str, said: Sequence[Busy]) -> None:
    if not said:
        return
    longest = max(said, key=lambda means: means.after_s or 0)
    slow_down(store, instance, reason=longest.reason)
    store.lanes.rest(instance, for_ms=_after_ms(longest), reason=longest.reason, spans=longest.spans)


def _deferral(one: Settled, means: Busy, max_attempts: int) -> Deferral:
    return Deferral(
        campaign=one.campaign,
        number=one.number,
        in_ms=_after_ms(means) or back_off_ms(1),
        most_attempts=min(max_attempts, means.most_attempts or max_attempts),
        most_times=(means.most_attempts or 0) if means.is_cap else 0,
        growth=means.growth,
        most_grown=MOST_GROWN,
    )


def _after_ms(means: Busy) -> int:
    return int((means.after_s or 0) * 1000)


def _by(named: Iterable[tuple[str, Settled]]) -> Mapping[str, list[Settled]]:
    """The news by what they are named, in their order."""
    found: dict[str, list[Settled]] = {}
    for name, one in named:
        found.setdefault(name, []).append(one)
    return found
