"""Previewing a campaign: what accepting or starting it would do, until when. Nothing is sent, and nothing stored."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from broadcast.domain.campaign import Campaign, Order, State
from broadcast.domain.contact import Contact, Status
from broadcast.domain.content import Template, fill, foreign_mark, loose_mark
from broadcast.domain.phrases import DEFAULT_WORDS
from broadcast.engine.accepting import check, left_out, opted_out, sort_out
from broadcast.engine.foretelling import foretell, load_of
from broadcast.engine.risking import Risk, risks
from broadcast.engine.telling import contact_of
from broadcast.errors import Conflict, NotFound
from broadcast.pacing import Rules, day_of, zone_for
from broadcast.store import Store
from broadcast.store.campaigns import Look
from broadcast.store.lanes import Found

#: So many of those who are left out are named.
MOST_LEFT_OUT = 100
#: So many messages are shown as they would be sent.
MOST_SAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One message as it would be sent. With a template, that is what is sent, and the text is not."""

    phone: str
    text: str
    template: Template | None


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """When the first departure would be and when the last would be over, Unix ms; None where nobody is sent to, and
    for what is more than ten years ahead.

    It is as likely over before `p50_ms` as after, and in nine cases of ten before `p90_ms`. So many contacts of other
    campaigns are `waiting` on the lane already, to share it by priority and turn.
    """

    start_ms: int | None
    p50_ms: int | None
    p90_ms: int | None
    waiting: int


@dataclass(frozen=True, kw_only=True)
class Warning:  # noqa: A001 - it is one
    """Something that would go wrong, or not go at all. `code` is for programs, `text` for people."""

    code: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What accepting an order, or starting an open campaign, would do."""

    total: int
    queued: int
    reasons: Mapping[str, int]  #: why contacts would be left out -> how many
    left_out: Sequence[Contact]  #: the first of them
    samples: Sequence[Sample]
    forecast: Forecast
    warnings: Sequence[Warning]
    risks: Sequence[Risk]


def preview(
    store: Store,
    order: Order,
    *,
    country: str,
    now_ms: int,
    wants_template: bool,
    zone: str = "UTC",
    words: Collection[str] = DEFAULT_WORDS,
    is_named: bool = True,
) -> Preview:
    """What accepting the order now would do. Raises Invalid for a schedule in the past or absurdly far ahead.

    `wants_template`: the gateway takes free text only in an open conversation. `zone` is the IANA zone of the
    days of an instance that has no sending window, `words` are those that opt somebody out. The order of a body
    without an id is not `is_named`.
    """
    check(store, order, now_ms=now_ms)
    contacts = list(sort_out(order, country=country, opted_out=opted_out(store, order, country=country)))
    queued = [contact for contact in contacts if contact.status is Status.PENDING]
    skipped = [contact for contact in contacts if contact.reason]
    seen = _seen(
        store,
        order,
        _Audience(
            total=len(contacts),
            queued=len(queued),
            reasons=Counter(contact.reason for contact in skipped if contact.reason),
            left_out=skipped[:MOST_LEFT_OUT],
            first=queued[:MOST_SAMPLES],
        ),
        now_ms=now_ms,
        wants_template=wants_template,
        zone=zone,
        words=words,
    )
    taken = _taken(order, store.campaigns.digest_of(order.campaign) if is_named else None)
    return replace(seen, warnings=[*taken, *seen.warnings])


def of_open(
    store: Store,
    campaign: str,
    *,
    now_ms: int,
    wants_template: bool,
    zone: str = "UTC",
    words: Collection[str] = DEFAULT_WORDS,
) -> Preview:
    """What starting an open campaign now would do, by its counts and its first contacts: a million cost what ten do.

    Those who are left out are named where they are among the first. Raises NotFound, and Conflict where it is not open.
    """
    look, found = store.campaigns.look(campaign), store.campaigns.find(campaign)
    if look is None or found is None:
        raise NotFound(f"There is no campaign {campaign}.")
    state = State(look.order["status"])
    if not look.order.get("open") or state is not State.SCHEDULED:
        raise Conflict(f"Campaign {campaign} is {state.value}, and not open for contacts.")
    audience = _audience_of(store, look)
    return _seen(
        store, _order_of(look, found), audience, now_ms=now_ms, wants_template=wants_template, zone=zone, words=words
    )


@dataclass(frozen=True, kw_only=True)
class _Audience:
    """Who would be sent to and who not, by their numbers, and the first of both."""

    total: int
    queued: int
    reasons: Mapping[str, int]
    left_out: Sequence[Contact]
    first: Sequence[Contact]


def _audience_of(store: Store, look: Look) -> _Audience:
    reasons = left_out(look)
    page = store.contacts.page(look.campaign, status=Status.SKIPPED, reason=None, after=-1, limit=MOST_LEFT_OUT)
    return _Audience(
        total=int(look.order["total"]),
        queued=look.tally.get(Status.PENDING.value, 0),
        reasons=reasons,
        left_out=[_contact(*one) for one in page[0]],
        first=[_contact(*one) for one in store.contacts.next_of(look.campaign, MOST_SAMPLES)],
    )


def _contact(number: int, fields: Mapping[str, str]) -> Contact:
    found = contact_of(number, fields)
    values = json.loads(fields.get("values") or "{}")
    return Contact(
        number=number,
        phone=found.phone,
        status=found.status,
        values=values,
        reason=found.reason,
        detail=found.detail,
    )


def _order_of(look: Look, found: Campaign) -> Order:
    return Order(
        campaign=look.campaign,
        instance=found.instance,
        recipients=(),
        content=found.content,
        gap_ms=int(look.order["gap_ms"]),
        jitter_ms=int(look.order["jitter_ms"]),
        priority=found.priority,
        scheduled_ms=int(look.order["scheduled_ms"]) if "scheduled_ms" in look.order else None,
        on_unknown=found.on_unknown,
        is_open=True,
        digest="",
    )


def _seen(
    store: Store,
    order: Order,
    audience: _Audience,
    *,
    now_ms: int,
    wants_template: bool,
    zone: str,
    words: Collection[str],
) -> Preview:
    lane, rules, queued = store.lanes.outset(order.instance), store.instances.rules(order.instance), audience.queued
    today = date.fromisoformat(day_of(now_ms, zone_for(rules, zone)))
    return Preview(
        total=audience.total,
        queued=queued,
        reasons=audience.reasons,
        left_out=audience.left_out,
        samples=[_sample(order, contact) for contact in audience.first],
        forecast=_forecast(order, lane, rules, queued=queued, now_ms=now_ms, zone=zone),
        warnings=list(_warnings(order, lane.fields, wants_template=wants_template)),
        risks=list(risks(order, rules, queued=queued, today=today, words=words, is_official=wants_template)),
    )


def _sample(order: Order, contact: Contact) -> Sample:
    variant = f"{order.campaign}:{contact.number}"  # as the ticket will have it
    filled = fill(order.content, contact.values, variant=variant)
    return Sample(phone=contact.phone, text=filled.text, template=filled.template)


def _forecast(order: Order, lane: Found, rules: Rules, *, queued: int, now_ms: int, zone: str) -> Forecast:
    waiting = sum(int(load.left) for load in lane.others)
    if not queued:
        return Forecast(start_ms=None, p50_ms=None, p90_ms=None, waiting=waiting)
    own = load_of(order, queued)
    seen = foretell(lane, rules, own, begins_ms=order.scheduled_ms, zone=zone, now_ms=now_ms)
    start_ms, p50_ms, p90_ms = map(seen.within, (seen.start_ms, seen.p50_ms, seen.p90_ms))
    return Forecast(start_ms=start_ms, p50_ms=p50_ms, p90_ms=p90_ms, waiting=waiting)


#: hold of a lane -> what it means for a campaign
_HELD: Mapping[str, Warning] = {
    "paused": Warning(code="instance_paused", text="A person paused the instance: nothing leaves until it is resumed."),
    "restricted": Warning(
        code="instance_restricted", text="The number is restricted: nothing leaves until a person resumes the instance."
    ),
    "closed": Warning(code="instance_closed", text="The gateway says that the instance cannot send: nothing leaves."),
}


def _taken(order: Order, digest: str | None) -> Iterator[Warning]:
    if digest not in {None, order.digest}:
        yield Warning(
            code="id_taken",
            text="There is a campaign of this id with another body: a send is refused. Choose another id.",
        )


def _warnings(order: Order, lane: Mapping[str, str], *, wants_template: bool) -> Iterator[Warning]:
    if wants_template and order.content.template is None:
        yield Warning(
            code="template_needed",
            text=(
                "Meta takes free text only within 24 hours after a person wrote to you, and refuses it otherwise "
                "(131047): those contacts fail as window_closed. Send a template."
            ),
        )
    yield from _marks(order)
    held = _HELD.get(lane.get("hold", ""))
    if held:
        yield held


def _marks(order: Order) -> Iterator[Warning]:
    mark = loose_mark(order.content)
    if mark:
        yield Warning(
            code="loose_mark",
            text=(
                f"The text has a {mark} without its partner, around one choice alone or in a default: it is sent as it "
                "stands. {{name}} is a variable, and [[Oi|Olá]] a variation."
            ),
        )
    mark = foreign_mark(order.content, set[str]().union(*(recipient.vars for recipient in order.recipients)))
    if mark:
        yield Warning(
            code="foreign_mark",
            text=(
                f"{mark} looks like another tool's mark and is sent as it stands; "
                "here it is {{name}} and [[Oi|Olá]]."
            ),
        )
