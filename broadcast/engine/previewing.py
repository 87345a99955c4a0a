"""Previewing a campaign: what accepting it would do, and when it would be over. Nothing is sent, and nothing stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from broadcast.domain.campaign import Order
from broadcast.domain.contact import Contact, Status
from broadcast.domain.content import Template, fill, foreign_mark, loose_mark
from broadcast.domain.phrases import DEFAULT_WORDS
from broadcast.engine.accepting import check, opted_out, sort_out
from broadcast.engine.foretelling import foretell, load_of
from broadcast.engine.risking import Risk, risks
from broadcast.pacing import Rules, day_of, zone_for
from broadcast.store import Store
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
    """What accepting an order would do."""

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
    lane, rules = store.lanes.outset(order.instance), store.instances.rules(order.instance)
    today = date.fromisoformat(day_of(now_ms, zone_for(rules, zone)))
    return Preview(
        total=len(contacts),
        queued=len(queued),
        reasons=Counter(contact.reason for contact in skipped if contact.reason),
        left_out=skipped[:MOST_LEFT_OUT],
        samples=[_sample(order, contact) for contact in queued[:MOST_SAMPLES]],
        forecast=_forecast(order, lane, rules, queued=len(queued), now_ms=now_ms, zone=zone),
        warnings=[
            *_taken(order, store.campaigns.digest_of(order.campaign) if is_named else None),
            *_warnings(order, lane.fields, wants_template=wants_template),
        ],
        risks=list(risks(order, rules, queued=len(queued), today=today, words=words, is_official=wants_template)),
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
