"""Previewing a campaign: what accepting it would do, and when it would be over. Nothing is sent, and nothing stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from broadcast.domain.campaign import Order
from broadcast.domain.contact import Contact, Status
from broadcast.domain.content import Content, Template, render, render_template
from broadcast.engine.accepting import check_schedule, opted_out, sort_out
from broadcast.pacing import Rules, day_of, forecast_ms, zone_for
from broadcast.store import Store

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
    """When the first departure would be and when the last would be over, Unix ms; None where nobody is sent to.

    `waiting` contacts of other campaigns are on the lane already, and are thought to go first, at the same gap.
    """

    start_ms: int | None
    finish_ms: int | None
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


def preview(
    store: Store, order: Order, *, country: str, now_ms: int, wants_template: bool, zone: str = "UTC"
) -> Preview:
    """What accepting the order now would do. Raises Invalid for a schedule in the past or absurdly far ahead.

    `wants_template`: the gateway takes free text only in an open conversation. `zone` is the IANA zone of the
    days of an instance that has no sending window.
    """
    check_schedule(order, now_ms=now_ms)
    contacts = list(sort_out(order, country=country, opted_out=opted_out(store, order, country=country)))
    queued = [contact for contact in contacts if contact.status is Status.PENDING]
    skipped = [contact for contact in contacts if contact.reason]
    lane, waiting, booked, sending = store.lanes.look(order.instance)
    held = waiting + booked + sending
    rules = store.instances.rules(order.instance)
    return Preview(
        total=len(contacts),
        queued=len(queued),
        reasons=Counter(contact.reason for contact in skipped if contact.reason),
        left_out=skipped[:MOST_LEFT_OUT],
        samples=[_sample(order, contact) for contact in queued[:MOST_SAMPLES]],
        forecast=_forecast(order, lane, rules, queued=len(queued), waiting=held, now_ms=now_ms, zone=zone),
        warnings=list(_warnings(order.content, lane, wants_template=wants_template)),
    )


def _sample(order: Order, contact: Contact) -> Sample:
    content, variant = order.content, f"{order.campaign}:{contact.number}"  # as the ticket will have it
    return Sample(
        phone=contact.phone,
        text=render(content.text, contact.values, variant=variant),
        template=render_template(content.template, contact.values, variant=variant) if content.template else None,
    )


def _forecast(
    order: Order, lane: Mapping[str, str], rules: Rules, *, queued: int, waiting: int, now_ms: int, zone: str
) -> Forecast:
    if not queued:
        return Forecast(start_ms=None, finish_ms=None, waiting=waiting)
    gap_ms = max(order.gap_ms + order.jitter_ms / 2, rules.gap_ms + rules.jitter_ms / 2)

    def end(from_ms: int, departures: int) -> int:
        """When so many departures are over, within the instance's window and what its days may have."""
        own_zone = zone_for(rules, zone)
        day = day_of(from_ms, own_zone)
        return forecast_ms(
            from_ms, departures, gap_ms, window=rules.window, cap=rules.cap_on(date.fromisoformat(day)),
            used_today=int(lane.get("used", 0)) if lane.get("day") == day else 0, zone=own_zone,
        )  # fmt: skip

    from_ms, ahead = max(now_ms, int(float(lane.get("rest", 0)))), waiting
    if order.scheduled_ms is not None and order.scheduled_ms >= end(from_ms, waiting):
        from_ms, ahead = order.scheduled_ms, 0
    start_ms, finish_ms = end(from_ms, ahead + 1), end(from_ms, ahead + queued)
    return Forecast(start_ms=start_ms, finish_ms=finish_ms, waiting=waiting)


#: hold of a lane -> what it means for a campaign
_HELD: Mapping[str, Warning] = {
    "paused": Warning(code="instance_paused", text="A person paused the instance: nothing leaves until it is resumed."),
    "restricted": Warning(
        code="instance_restricted", text="The number is restricted: nothing leaves until a person resumes the instance."
    ),
    "closed": Warning(code="instance_closed", text="The gateway says that the instance cannot send: nothing leaves."),
}


def _warnings(content: Content, lane: Mapping[str, str], *, wants_template: bool) -> Iterator[Warning]:
    if wants_template and content.template is None:
        yield Warning(
            code="template_needed",
            text=(
                "Meta takes free text only within 24 hours after a person wrote to you, and refuses it otherwise "
                "(131047): those contacts fail as window_closed. Send a template."
            ),
        )
    held = _HELD.get(lane.get("hold", ""))
    if held:
        yield held
