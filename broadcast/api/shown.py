"""The answers as OpenAPI shows them: `answers` fills them, and a test holds the two together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broadcast.api.registration import DAYS
from broadcast.domain.callback import Delivery, News
from broadcast.domain.campaign import OnUnknown, Scope, State
from broadcast.domain.contact import Status
from broadcast.gateways.catalogue import DIALECTS

#: As a CRM sends it.
CAMPAIGN = {
    "campaignId": "campaign-123",
    "instanceId": "loja",
    "contacts": ["5511999990001", {"phone": "5511999990002", "name": "Ana", "vars": {"city": "Santos"}}],
    "message": "Oi {{name|cliente}}, chegou a novidade em {{city|sua cidade}}!",
    "mediaType": "text",
    "rateLimitMs": 2000,
}
#: Who wants no more messages.
PERSON = {"phone": "5511999990001", "source": "loja", "since": "2030-08-29T15:00:00Z"}

TRUE = {"const": True}
TEXT = {"type": "string"}
MAYBE_TEXT = {"type": ["string", "null"]}
BOOL = {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0}
ROW = {
    "type": "integer",
    "minimum": 1,
    "description": "of a CSV file the row that a spreadsheet shows, of NDJSON the line, of a list the place, from 1",
}
MAYBE_COUNT = {"type": ["integer", "null"], "minimum": 0}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
MAYBE_SHARE = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
FACTOR = {"type": "number", "minimum": 1}
TIME = {"type": "string", "format": "date-time"}
MAYBE_TIME = {"type": ["string", "null"], "format": "date-time"}
MAYBE_CURSOR = {**MAYBE_TEXT, "description": "where the next page begins; null on the last"}
REASONS = {"type": "object", "additionalProperties": COUNT, "description": "reason -> how many were left out for it"}
LACKS = {
    **MAYBE_TEXT,
    "description": "of missing_variable: those that it lacks; of too_long: its characters/those it may have",
}
STATE = {"enum": [state.value for state in State]}
STATUS = {"enum": [status.value for status in Status]}


def ref(name: str) -> dict[str, Any]:
    """One of `SCHEMAS`, where it is used."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(example: Mapping[str, Any] | None = None, /, **properties: Any) -> dict[str, Any]:
    """Every property is always there."""
    shown = {"type": "object", "properties": properties, "required": list(properties)}
    return {**shown, "examples": [example]} if example else shown


#: reasons, the most frequent first
RANKED = {"type": "array", "items": _object(reason=TEXT, count=COUNT)}


def _page(of: str, name: str) -> dict[str, Any]:
    return _object(success=TRUE, **{name: {"type": "array", "items": ref(of)}}, nextCursor=MAYBE_CURSOR)


_LANE = {
    "instanceId": TEXT,
    "state": {"enum": ["open", "paused", "closed", "restricted"]},
    "reason": {**MAYBE_TEXT, "description": "why it is not open"},
    "detail": {**MAYBE_TEXT, "description": "the same, in the gateway's words"},
    "underPause": {
        "enum": ["closed", "restricted", None],
        "description": "how its gateway has it held under a person's pause, and what a resume makes of it",
    },
    "underPauseReason": MAYBE_TEXT,
    "underPauseDetail": MAYBE_TEXT,
    "waiting": COUNT,
    "booked": COUNT,
    "sending": COUNT,
    "lastDepartureAt": MAYBE_TIME,
    "restUntil": MAYBE_TIME,
    "slowDown": {**FACTOR, "description": "by how much gaps are lengthened after busy answers"},
    "slowReason": MAYBE_TEXT,
    "usedToday": COUNT,
    "capToday": MAYBE_COUNT,
    "waits": {**MAYBE_TEXT, "description": "for what the next departure waits"},
    "waitsUntil": MAYBE_TIME,
    "lastAnswer": MAYBE_TEXT,
    "lastAnswerReason": MAYBE_TEXT,
    "lastAnswerAt": MAYBE_TIME,
    "errorShare": {**SHARE, "type": ["number", "null"]},
    "health": {**MAYBE_TEXT, "description": "open, or why it cannot send, as the gateway said when it was last asked"},
    "healthAt": MAYBE_TIME,
    "remedy": {**MAYBE_TEXT, "description": "what to do where it cannot send"},
    "nextTryAt": {
        **MAYBE_TIME,
        "description": "closed and with work: from when on its gateway's word, asked for every 30 s, opens it again",
    },
    "stuck": {**MAYBE_TEXT, "description": "why a lane with work has been quiet for several gaps"},
    "stuckSince": MAYBE_TIME,
}

_CALLBACK = {
    "id": TEXT,
    "type": {"enum": [news.value for news in News]},
    "status": {"enum": [state.value for state in Delivery]},
    "timestamp": TIME,
    "attempts": COUNT,
    "lastStatus": {"type": ["integer", "null"], "description": "HTTP status of the last attempt"},
    "lastError": {**MAYBE_TEXT, "description": "what kept an answer from coming"},
    "nextAttemptAt": MAYBE_TIME,
    "deliveredAt": MAYBE_TIME,
}

#: name -> an answer, or a part of one
SCHEMAS: Mapping[str, dict[str, Any]] = {
    "Acceptance": _object(
        {
            "success": True,
            "campaignId": "campaign-123",
            "queued": 2,
            "skipped": 1,
            "skippedReasons": {"duplicate": 1},
            "status": "running",
            "statusUrl": "/broadcast-status/campaign-123",
        },
        success=TRUE,
        campaignId=TEXT,
        queued=COUNT,
        skipped=COUNT,
        skippedReasons=REASONS,
        status=STATE,
        statusUrl={"type": "string", "format": "uri-reference"},
    ),
    "Campaign": _object(
        {
            "success": True,
            "campaignId": "campaign-123",
            "instanceId": "loja",
            "status": "running",
            "priority": 5,
            "total": 1000,
            "counts": {
                "pending": 700,
                "booked": 4,
                "sending": 1,
                "sent": 90,
                "delivered": 120,
                "read": 60,
                "failed": 20,
                "skipped": 3,
                "cancelled": 0,
                "unconfirmed": 2,
            },
            "progress": 0.295,
            "rateLimitMs": 2000,
            "onUnknown": "hold",
            "slowDown": 1,
            "sendsPerMinute": 29.9,
            "expectedFinishAt": "2030-08-29T15:24:10Z",
            "holdReason": None,
            "holdDetail": None,
            "lastError": None,
            "skippedReasons": {"duplicate": 3},
            "createdAt": "2030-08-29T15:00:00Z",
            "scheduledFor": None,
            "startedAt": "2030-08-29T15:00:01Z",
            "pausedAt": None,
            "finishedAt": None,
        },
        success=TRUE,
        campaignId=TEXT,
        instanceId=TEXT,
        status=STATE,
        priority={"type": "integer", "minimum": 0, "maximum": 9},
        total=COUNT,
        counts=_object(**{status.value: COUNT for status in Status}),
        progress={**SHARE, "description": "the share of contacts that nothing more will be sent to"},
        rateLimitMs=COUNT,
        onUnknown={"enum": [choice.value for choice in OnUnknown]},
        slowDown=FACTOR,
        sendsPerMinute={"type": "number", "minimum": 0},
        expectedFinishAt={
            **MAYBE_TIME,
            "description": "null as well while the instance is paused, closed or restricted",
        },
        holdReason={**MAYBE_TEXT, "description": "why a running campaign is not sending, for programs"},
        holdDetail={**MAYBE_TEXT, "description": "the same, for people"},
        lastError=MAYBE_TEXT,
        skippedReasons=REASONS,
        createdAt=TIME,
        scheduledFor=MAYBE_TIME,
        startedAt=MAYBE_TIME,
        pausedAt=MAYBE_TIME,
        finishedAt=MAYBE_TIME,
    ),
    "Campaigns": _page("Campaign", "campaigns"),
    "Steered": _object(
        {"success": True, "campaignId": "campaign-123", "status": "paused", "onTheWire": 1},
        success=TRUE,
        campaignId=TEXT,
        status=STATE,
        onTheWire={**COUNT, "description": "requests that have left, and may still arrive"},
    ),
    "Retried": _object(
        {"success": True, "campaignId": "campaign-123", "scope": "failed", "queued": 20, "status": "running"},
        success=TRUE,
        campaignId=TEXT,
        scope={"enum": [scope.value for scope in Scope]},
        queued=COUNT,
        status=STATE,
    ),
    "Contact": _object(
        {
            "number": 0,
            "phone": "5511999990001",
            "name": "Ana",
            "status": "delivered",
            "reason": None,
            "detail": None,
            "attempts": 1,
            "messageId": "3EB0B430B6F8F1D0E053",
            "departedAt": "2030-08-29T15:00:01Z",
            "sentAt": "2030-08-29T15:00:02Z",
            "deliveredAt": "2030-08-29T15:00:04Z",
            "readAt": None,
            "failedAt": None,
            "skippedAt": None,
            "cancelledAt": None,
            "unconfirmedAt": None,
        },
        number={**COUNT, "description": "its place in the campaign, from 0"},
        phone={**TEXT, "description": "of who was forgotten, what stands for it"},
        name=MAYBE_TEXT,
        status=STATUS,
        reason=MAYBE_TEXT,
        detail=MAYBE_TEXT,
        attempts=COUNT,
        messageId=MAYBE_TEXT,
        departedAt=MAYBE_TIME,
        sentAt=MAYBE_TIME,
        deliveredAt=MAYBE_TIME,
        readAt=MAYBE_TIME,
        failedAt=MAYBE_TIME,
        skippedAt=MAYBE_TIME,
        cancelledAt=MAYBE_TIME,
        unconfirmedAt=MAYBE_TIME,
    ),
    "Contacts": _page("Contact", "contacts"),
    "Summary": _object(
        None,
        success=TRUE,
        campaignId=TEXT,
        asOf={
            **TIME,
            "description": "when its counting began. Nothing moved since, or the campaign goes on and that was up to "
            "10 s ago; longer where counting takes long, or while the next is counted",
        },
        status=STATE,
        total=COUNT,
        departed={**COUNT, "description": "contacts to whom a request was let out"},
        delivered={**COUNT, "description": "read ones among them"},
        read=COUNT,
        deliveryRate={**MAYBE_SHARE, "description": "delivered of departed"},
        readRate={**MAYBE_SHARE, "description": "read of delivered"},
        medianDeliveryMs=MAYBE_COUNT,
        failures=RANKED,
        skipped=RANKED,
        unconfirmed=RANKED,
        pacing=_object(
            departures=COUNT,
            rateLimitMs=COUNT,
            leastGapMs=MAYBE_COUNT,
            mostIn60s={**COUNT, "description": "the largest number of departures in any 60 seconds"},
            allowedIn60s={**COUNT, "description": "as many as rateLimitMs lets out in any 60 seconds"},
            breaches={**COUNT, "description": "gaps below rateLimitMs"},
            firstBreaches={
                "type": "array",
                "items": _object(at=TIME, gapMs=COUNT),
                "description": "the first five of them: when the later one departed, and the gap",
            },
            triedAgain={**COUNT, "description": "contacts with more than one attempt, each with its own departure"},
            basis=TEXT,
        ),
        forecast={
            **_object(
                startAt=MAYBE_TIME,
                finishAtP50=MAYBE_TIME,
                finishAtP90=MAYBE_TIME,
                errorSeconds={"type": ["number", "null"], "description": "later than finishAtP50; negative: earlier"},
                errorShare={
                    "type": ["number", "null"],
                    "description": "of the time that it was foretold to take, a second at least",
                },
                withinP90={"type": ["boolean", "null"]},
                incomparable={
                    **MAYBE_TEXT,
                    "description": "why there is no error: paused, retried, running, too_far, …",
                },
            ),
            "type": ["object", "null"],
            "description": "what was foretold when it was accepted or started, and how true it was",
        },
    ),
    "Added": _object(
        None,
        success=TRUE,
        campaignId=TEXT,
        chunk=COUNT,
        queued=COUNT,
        skipped=COUNT,
        skippedReasons=REASONS,
        leftOut={
            "type": "array",
            "items": _object(row=ROW, reason=TEXT, detail=LACKS),
            "description": "the first hundred",
        },
        unreadable={**COUNT, "description": "rows that could not be read, and are not in the campaign"},
        errors={"type": "array", "items": _object(row=ROW, detail=TEXT), "description": "the first hundred of them"},
        csv={
            "type": ["object", "null"],
            "description": "separator, header and encoding, as they were found out, and in `phone` the titles of the "
            "columns that the numbers are from, null without a header",
        },
    ),
    "Started": _object(
        {"success": True, "campaignId": "campaign-123", "status": "running"},
        success=TRUE,
        campaignId=TEXT,
        status=STATE,
    ),
    "Removing": _object({"success": True, "campaignId": "campaign-123"}, success=TRUE, campaignId=TEXT),
    "Forgetting": _object(
        {"success": True, "phone": "5511*******01"},
        success=TRUE,
        phone={**TEXT, "description": "what stands for the number from now on"},
    ),
    "Callback": _object(
        {
            "id": "cb_617259f85355b718852f_1",
            "type": "campaign.started",
            "status": "delivered",
            "timestamp": "2030-08-29T15:00:01Z",
            "attempts": 1,
            "lastStatus": 204,
            "lastError": None,
            "nextAttemptAt": None,
            "deliveredAt": "2030-08-29T15:00:02Z",
        },
        **_CALLBACK,
    ),
    "FailedCallback": _object(
        {
            "campaignId": "campaign-123",
            "instanceId": "loja",
            "id": "cb_617259f85355b718852f_1",
            "type": "campaign.started",
            "status": "failed",
            "timestamp": "2030-08-29T15:00:01Z",
            "attempts": 58,
            "lastStatus": 500,
            "lastError": None,
            "nextAttemptAt": None,
            "deliveredAt": None,
            "failedAt": "2030-08-30T15:04:09Z",
        },
        campaignId=TEXT,
        instanceId=TEXT,
        **_CALLBACK,
        failedAt={**TIME, "description": "when it was given up"},
    ),
    "FailedCallbacks": _page("FailedCallback", "callbacks"),
    "Callbacks": _object(
        success=TRUE,
        callbackUrl=MAYBE_TEXT,
        isOff={**BOOL, "description": "the CRM answered 410"},
        callbacks={"type": "array", "items": ref("Callback")},
        nextCursor=MAYBE_CURSOR,
    ),
    "Replayed": _object(
        {"success": True, "campaignId": "campaign-123", "queued": 2}, success=TRUE, campaignId=TEXT, queued=COUNT
    ),
    "Suppressed": _object(PERSON, phone=TEXT, source=MAYBE_TEXT, since=MAYBE_TIME),
    "Suppressions": _page("Suppressed", "suppressions"),
    "Suppressing": _object(
        {"success": True, "added": 1, "known": 0, "invalid": []},
        success=TRUE,
        added=COUNT,
        known={**COUNT, "description": "how many were on the list already"},
        invalid={
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": TEXT, "row": ROW, "phone": TEXT, "detail": TEXT},
                "required": ["phone", "detail"],
            },
            "description": "what cannot be a number, and where it stood",
        },
    ),
    "Unsuppressed": _object({"success": True, "removed": True}, success=TRUE, removed=TRUE),
    "Previewed": _object(
        success=TRUE,
        contacts=_object(total=COUNT, queued=COUNT, skipped=COUNT),
        skippedReasons=REASONS,
        leftOut={"type": "array", "items": _object(number=COUNT, row=ROW, phone=TEXT, reason=TEXT, detail=LACKS)},
        samples={
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"phone": TEXT, "text": TEXT, "template": {"type": "object"}},
                "required": ["phone", "text"],
            },
        },
        forecast=_object(
            startAt=MAYBE_TIME,
            finishAt={**MAYBE_TIME, "description": "the same as finishAtP50"},
            finishAtP50={**MAYBE_TIME, "description": "as likely over before as after"},
            finishAtP90={**MAYBE_TIME, "description": "over by then in nine cases of ten"},
            waiting={**COUNT, "description": "contacts of other campaigns on the instance"},
        ),
        warnings={"type": "array", "items": _object(code=TEXT, text=TEXT)},
        risks={
            "type": "array",
            "items": _object(code=TEXT, text=TEXT, heuristic=TRUE),
            "description": "what is said to get numbers blocked; nobody knows",
        },
    ),
    "Lane": _object(None, **_LANE),
    "Instance": _object(
        None,
        **_LANE,
        registered=BOOL,
        dialect={"enum": list(DIALECTS)},
        url=MAYBE_TEXT,
        credentials={
            "type": "object",
            "additionalProperties": {"type": ["string", "boolean"]},
            "description": "of a secret, whether it is set",
        },
        checkNumbers={"type": ["boolean", "null"], "description": "null: as the dialect needs it"},
        rateLimitMs=MAYBE_COUNT,
        jitterMs=MAYBE_COUNT,
        dailyCap=MAYBE_COUNT,
        window={
            **_object(
                start=TEXT,
                end=TEXT,
                timeZone=TEXT,
                days={"type": "array", "items": {"enum": list(DAYS)}},
            ),
            "type": ["object", "null"],
        },
        warmUp={**_object(since={"type": "string", "format": "date"}), "type": ["object", "null"]},
    ),
}
