"""The shapes of answers."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from broadcast.domain.callback import Delivery
from broadcast.domain.caller import Caller
from broadcast.domain.optout import seen
from broadcast.engine.accepting import Acceptance
from broadcast.engine.calling import CallbackPage, GivenUpPage
from broadcast.engine.foretelling import Judged
from broadcast.engine.inspecting import LaneView
from broadcast.engine.optouts import Suppressed
from broadcast.engine.previewing import Preview, Sample
from broadcast.engine.reporting import Summary
from broadcast.engine.wording import EPOCH, contact, rfc3339, status
from broadcast.store.callbacks import Row

__all__ = [
    "EPOCH",
    "Problem",
    "WrongField",
    "accepted",
    "callback",
    "callbacks",
    "contact",
    "failed_callbacks",
    "lane",
    "preview",
    "rfc3339",
    "status",
    "summary",
    "suppressed",
]

#: What the pacing certificate rests on, said wherever it is shown: and of a campaign that is older than the record.
BASIS = (
    "Our own record of every departure that this campaign was let out for, by Redis's clock, each attempt by itself. "
    "Not in it: other campaigns of the instance, and what the network did to a request on its way."
)
OLD_BASIS = (
    "Our own record of this campaign's departures, by Redis's clock: the last one of each contact. Earlier departures "
    "of the contacts that were tried again, and other campaigns of the instance, are not in it."
)


class WrongField(Schema):
    """One wrong field of the request."""

    pointer = fields.Str(metadata={"description": "JSON pointer (RFC 6901) into the request"})
    detail = fields.Str()


class Problem(Schema):
    """Every error answer, as OpenAPI shows it (RFC 9457). `errors.problem` fills it."""

    type = fields.Str()
    title = fields.Str()
    status = fields.Int()
    detail = fields.Str(metadata={"description": "for people"})
    code = fields.Str(metadata={"description": "stable, for programs"})
    errors = fields.List(fields.Nested(WrongField))
    request_id = fields.Str(data_key="requestId")
    success = fields.Bool(metadata={"description": "false; on the CRM's two endpoints only"})


def accepted(acceptance: Acceptance, *, status_url: str) -> dict[str, Any]:
    """What a send is answered with, the first time and every time again."""
    return {
        "success": True,
        "campaignId": acceptance.campaign,
        "queued": acceptance.queued,
        "skipped": acceptance.skipped,
        "skippedReasons": dict(acceptance.reasons),
        "status": acceptance.state.value,
        "statusUrl": status_url,
    }


def lane(view: LaneView) -> dict[str, Any]:
    """An instance's lane as it stands at one instant."""
    return {
        "instanceId": view.instance,
        "state": view.state,
        "reason": view.reason,
        "detail": view.detail,
        "underPause": view.under_pause,
        "underPauseReason": view.under_pause_reason,
        "underPauseDetail": view.under_pause_detail,
        "waiting": view.waiting,
        "booked": view.booked,
        "sending": view.sending,
        "lastDepartureAt": rfc3339(view.last_departure_ms),
        "restUntil": rfc3339(view.rest_until_ms),
        "slowDown": view.slow_down,
        "slowReason": view.slow_reason,
        "usedToday": view.used_today,
        "capToday": view.cap_today,
        "waits": view.waits,
        "waitsUntil": rfc3339(view.waits_until_ms),
        "lastAnswer": view.answer,
        "lastAnswerReason": view.answer_reason,
        "lastAnswerAt": rfc3339(view.answer_ms),
        "errorShare": view.error_share,
        "health": view.health,
        "healthAt": rfc3339(view.health_ms),
        "remedy": view.remedy,
        "nextTryAt": rfc3339(view.next_try_ms),
        "stuck": view.stuck,
        "stuckSince": rfc3339(view.stuck_since_ms),
    }


def callbacks(page: CallbackPage) -> dict[str, Any]:
    """Some of a campaign's callbacks, newest first."""
    return {
        "success": True,
        "callbackUrl": page.url,
        "isOff": page.is_off,
        "callbacks": [callback(row) for row in page.items],
        "nextCursor": page.next_cursor,
    }


def failed_callbacks(page: GivenUpPage) -> dict[str, Any]:
    """Some of the callbacks of all campaigns that failed, newest first."""
    shown = [
        {
            "campaignId": one.campaign,
            "instanceId": one.instance,
            **callback(one.row),
            "failedAt": rfc3339(one.failed_ms),
        }
        for one in page.items
    ]
    return {"success": True, "callbacks": shown, "nextCursor": page.next_cursor}


def callback(row: Row) -> dict[str, Any]:
    """A callback, and what became of it."""
    return {
        "id": row.id,
        "type": row.news.value,
        "status": row.state.value,
        "timestamp": rfc3339(row.at_ms),
        "attempts": row.attempts,
        "lastStatus": row.http,
        "lastError": row.error,
        "nextAttemptAt": rfc3339(row.next_ms),
        "deliveredAt": rfc3339(row.done_ms) if row.state is Delivery.DELIVERED else None,
    }


def summary(found: Summary) -> dict[str, Any]:
    """What became of a campaign, and the pace it kept."""
    ranked = {
        status: [{"reason": reason, "count": count} for reason, count in reasons]
        for status, reasons in found.reasons.items()
    }
    certificate = found.certificate
    return {
        "success": True,
        "campaignId": found.campaign,
        "asOf": rfc3339(found.as_of_ms),
        "status": found.state,
        "total": found.total,
        "departed": found.departed,
        "delivered": found.delivered,
        "read": found.read,
        "deliveryRate": found.delivery_rate,
        "readRate": found.read_rate,
        "medianDeliveryMs": found.median_delivery_ms,
        "failures": ranked["failed"],
        "skipped": ranked["skipped"],
        "unconfirmed": ranked["unconfirmed"],
        "pacing": {
            "departures": certificate.departures,
            "rateLimitMs": certificate.gap_ms,
            "leastGapMs": certificate.least_gap_ms,
            "mostIn60s": certificate.most_in_window,
            "allowedIn60s": certificate.allowed_in_window,
            "breaches": certificate.breaches,
            "firstBreaches": [{"at": rfc3339(at), "gapMs": gap} for at, gap in certificate.first_breaches],
            "triedAgain": found.tried_again,
            "basis": BASIS if found.is_recorded else OLD_BASIS,
        },
        "forecast": _judged(found.forecast) if found.forecast else None,
    }


def _judged(found: Judged) -> dict[str, Any]:
    return {
        "startAt": rfc3339(found.start_ms),
        "finishAtP50": rfc3339(found.p50_ms),
        "finishAtP90": rfc3339(found.p90_ms),
        "errorSeconds": None if found.error_ms is None else found.error_ms / 1000,
        "errorShare": found.error_share,
        "withinP90": found.within_p90,
        "incomparable": found.incomparable,
    }


def preview(found: Preview) -> dict[str, Any]:
    """What accepting a campaign would do."""
    return {
        "success": True,
        "contacts": {"total": found.total, "queued": found.queued, "skipped": found.total - found.queued},
        "skippedReasons": dict(found.reasons),
        "leftOut": [
            {
                "number": one.number,
                "row": one.number + 1,
                "phone": one.phone,
                "reason": one.reason,
                "detail": one.detail,
            }
            for one in found.left_out
        ],
        "samples": [_sample(one) for one in found.samples],
        "forecast": {
            "startAt": rfc3339(found.forecast.start_ms),
            "finishAt": rfc3339(found.forecast.p50_ms),
            "finishAtP50": rfc3339(found.forecast.p50_ms),
            "finishAtP90": rfc3339(found.forecast.p90_ms),
            "waiting": found.forecast.waiting,
        },
        "warnings": [{"code": one.code, "text": one.text} for one in found.warnings],
        "risks": [{"code": one.code, "text": one.text, "heuristic": True} for one in found.risks],
    }


def _sample(sample: Sample) -> dict[str, Any]:
    shown: dict[str, Any] = {"phone": sample.phone, "text": sample.text}
    if sample.template:
        template = sample.template
        components = list(template.components)
        shown["template"] = {"name": template.name, "language": template.language, "components": components}
    return shown


def suppressed(person: Suppressed, reader: Caller) -> dict[str, Any]:
    """Somebody who wants no more messages, as the reader may know of them."""
    source = person.source and seen(person.source, reader.may_use)
    return {"phone": person.phone, "source": source, "since": person.since}
