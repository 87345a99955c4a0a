"""What Evolution's answers mean.

An answer is read by its shape, never by its HTTP code alone: one and the same 400 is a number without WhatsApp, a
wrong field, a closed socket, or an error after the message left. In 2.3.x a 500 of Evolution's own comes from the phase
before the message goes out (number check, media), a 400 with one unknown string from the phase in which it does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from broadcast.domain.phone import mask
from broadcast.gateways.base import Accepted, Answer, Busy, Closed, Refused, Scope, Unknown
from broadcast.gateways.http import Response

#: WhatsApp throttles Evolution's own queries for minutes, not seconds.
OVERLIMIT_S = 120.0
#: A Retry-After is obeyed up to here; a date is only as good as the clock it was taken from.
LONGEST_RETRY_S = 86_400.0

#: A person's address: digits, perhaps the number of a device.
PERSON = re.compile(r"([0-9]{5,20})(?::[0-9]+)?@s\.whatsapp\.net")

Reading = Callable[[str, Response], Answer]


def read_answer(answer: Response) -> Answer:
    """Which of the five answers this is."""
    body = answer.json
    if isinstance(body, dict) and 200 <= answer.status < 300:
        return _accepted(body, answer)
    envelope = body.get("response") if isinstance(body, dict) else None
    if isinstance(envelope, dict) and "message" in envelope:
        return _refused(envelope["message"], answer)
    return _not_evolution(answer)


def _accepted(body: Mapping[str, Any], answer: Response) -> Answer:
    key = body.get("key")
    if isinstance(key, dict) and isinstance(key.get("id"), str) and key["id"]:
        return Accepted(key["id"])
    if isinstance(body.get("code"), int) and not isinstance(body["code"], bool):
        return _meta(body["code"], str(body.get("message", "")))
    return Unknown("answer_without_id", words(answer.text))


def _accepted_at_length(text: str) -> Accepted | None:
    """An accepted message whose answer is too long to be read: with the media in it. The key comes first."""
    match = re.match(r'\s*\{\s*"key"\s*:\s*(\{[^{}]*\})\s*,', text)
    try:
        message_id = json.loads(match[1]).get("id") if match else None
    except ValueError:
        return None
    return Accepted(message_id) if isinstance(message_id, str) and message_id else None


def _refused(message: Any, answer: Response) -> Answer:
    """An error in Evolution's own envelope. `message` is a text, or a list of texts, lists or objects."""
    first = next(iter(message), "") if isinstance(message, list) else message
    if isinstance(first, dict) and first.get("exists") is False:
        return Refused("not_on_whatsapp", words(str(first.get("number", ""))))
    if isinstance(first, list):
        return Refused("rejected", words("; ".join(problem for problem in first if isinstance(problem, str))))
    text = first if isinstance(first, str) else answer.text
    for status, pattern, reading in _TEXTS:
        if status in {answer.status, None} and pattern.search(text):
            return reading(words(text), answer)
    fallback = _BY_STATUS.get(answer.status)
    return fallback(words(text), answer) if fallback else Unknown("unknown_answer", words(text))


def _not_evolution(answer: Response) -> Answer:
    """Not Evolution's envelope: a proxy, another server, or half an answer. It says nothing of the message."""
    if 200 <= answer.status < 300:
        return _accepted_at_length(answer.text) or Unknown("answer_without_id", words(answer.text))
    if answer.json is None and answer.text.lstrip().startswith("{"):
        # The beginning of an envelope that is cut off or too long: an error's text may hold a whole query of Prisma's,
        # and that one comes after the message left.
        return Unknown("unknown_answer", f"HTTP {answer.status}: {words(answer.text)}")
    reading = _FOREIGN.get(answer.status)
    if reading is not None:
        return reading(words(answer.text), answer)
    if 300 <= answer.status < 500:
        return Closed("gateway_address_wrong", f"HTTP {answer.status}: {words(answer.text)}")
    return Unknown("unknown_answer", f"HTTP {answer.status}: {words(answer.text)}")


def _busy(
    reason: str, *, after_s: float | None = None, contact_only: bool = False, most_attempts: int | None = None
) -> Reading:
    return lambda text, answer: Busy(
        reason,
        text,
        after_s=_retry_after_s(answer) or after_s,
        contact_only=contact_only,
        most_attempts=most_attempts,
    )


def _refuse(reason: str, *, opts_out: bool = False) -> Reading:
    return lambda text, _: Refused(reason, text, opts_out=opts_out)


def _closed(reason: str, *, scope: Scope = Scope.INSTANCE) -> Reading:
    return lambda text, _: Closed(reason, text, scope=scope)


def _unknown(reason: str) -> Reading:
    return lambda text, _: Unknown(reason, text)


#: (HTTP code or None for any, what the text says, what it means); the first that fits. Source: Evolution 2.3.6, 2.3.7.
_TEXTS: tuple[tuple[int | None, re.Pattern[str], Reading], ...] = (
    # In the send phase it is thrown before the message is written: by the queries that come first, or by a look at the
    # socket. A logged-out instance answers just this, so Unknown would use up its contacts one by one. As a part of
    # another text (a database's, an object store's) it may come after the message left.
    (400, re.compile(r"^(Error: )?Connection Closed$"), _closed("disconnected")),
    (500, re.compile(r"Connection Closed"), _closed("disconnected")),
    (404, re.compile(r"instance does not exist"), _closed("unknown_instance")),
    (404, re.compile(r"^Cannot POST"), _closed("gateway_address_wrong")),
    (401, re.compile(r""), _closed("unauthorized")),
    (403, re.compile(r""), _closed("unauthorized")),
    (500, re.compile(r"reading 'textMessage'"), _closed("instance_not_loaded")),
    (400, re.compile(r"Text is required|Owned media must be|file name must be informed"), _refuse("rejected")),
    (400, re.compile(r"JID decoded but user is empty"), _refuse("rejected")),
    (400, re.compile(r"^(Expected|Unexpected) .* JSON|in JSON at position"), _refuse("rejected")),
    (400, re.compile(r"Method not available"), _refuse("rejected")),
    (None, re.compile(r"rate-overlimit"), _busy("rate_overlimit", after_s=OVERLIMIT_S)),
    # The medium's own server, asked by Evolution. That it is asked too much passes.
    (
        500,
        re.compile(r"status code (408|425|429|5\d\d)|ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|socket hang up"),
        _busy("media_unreachable"),
    ),
    (500, re.compile(r"status code 4\d\d"), _refuse("media_unreachable")),
    (500, re.compile(r"Timed Out|reading 'find'"), _busy("number_check_timed_out")),
)

#: An error in Evolution's envelope whose text is none of the above.
_BY_STATUS: Mapping[int, Reading] = {
    400: _unknown("failed_while_sending"),
    429: _busy("too_many_requests"),
    500: _busy("gateway_error"),
    503: _busy("gateway_unavailable"),
}

#: An error that is not in Evolution's envelope, so not Evolution's. Whether a 500 page, 502 or 504 of a proxy stands
#: for a request that went through, nobody knows; nor with 408, by which some mean the server behind them. With 503 and
#: 429 a proxy says that it did not pass it on.
_FOREIGN: Mapping[int, Reading] = {
    401: _closed("unauthorized"),
    403: _closed("unauthorized"),
    408: _unknown("unknown_answer"),
    429: _busy("too_many_requests"),
    503: _busy("gateway_unavailable"),
}

#: Meta's error codes, which a WHATSAPP-BUSINESS instance passes on inside a 201. Others refuse the one contact.
#: Source: Meta's error-codes page, 2026-09; each is classed by what can be done about it. Waits that the page does not
#: name (it says minutes) are ours.
_META: Mapping[int, Reading] = {
    **dict.fromkeys((1, 131000), _busy("gateway_error", most_attempts=3)),
    **dict.fromkeys((2, 131016, 133004), _busy("gateway_error")),
    **dict.fromkeys((4, 80007), _busy("too_many_requests", after_s=120.0)),
    130429: _busy("too_many_requests"),
    131057: _busy("too_many_requests", after_s=60.0),
    # One message in 6 s to one person; others can be sent to.
    131056: _busy("too_many_requests", after_s=6.0, contact_only=True),
    # The person had enough marketing of everybody's. To insist has Meta block the pair for a day.
    131049: _busy("marketing_capped", after_s=86_400.0, contact_only=True, most_attempts=2),
    # Meta could not fetch the medium, which it sometimes can a moment later.
    131053: _busy("media_unreachable", contact_only=True, most_attempts=2),
    **dict.fromkeys((0, 3, 10, 190, 131005, *range(200, 300)), _closed("unauthorized")),
    **dict.fromkeys((33, 131037, 131045, 133010), _closed("unregistered")),
    **dict.fromkeys((368, 130497, 131031, 131048, 131064), _closed("restricted")),
    **dict.fromkeys((131042, 134011), _closed("billing")),
    131063: _closed("marketing_disabled", scope=Scope.CAMPAIGN),
    132001: _closed("template_missing", scope=Scope.CAMPAIGN),
    132007: _closed("template_against_policy", scope=Scope.CAMPAIGN),
    132015: _closed("template_paused", scope=Scope.CAMPAIGN),
    132016: _closed("template_disabled", scope=Scope.CAMPAIGN),
    **dict.fromkeys((132068, 132069), _closed("template_flow_blocked", scope=Scope.CAMPAIGN)),
    **dict.fromkeys((132000, 132005, 132012, 132018), _refuse("template_parameters")),
    **dict.fromkeys((100, 131008, 131009, 131051, 131055, 135000), _refuse("rejected")),
    **dict.fromkeys((131021, 131030), _refuse("recipient_not_allowed")),
    130403: _refuse("blocked_by_us"),
    130472: _refuse("in_experiment"),
    131026: _refuse("not_on_whatsapp"),
    131047: _refuse("window_closed"),
    131050: _refuse("opted_out", opts_out=True),
}


def _meta(code: int, text: str) -> Answer:
    reading = _META.get(code, _refuse("rejected"))
    return reading(words(f"{code}: {text}"), Response(201, {}, None, ""))


def read_numbers(answer: Response) -> Mapping[str, str | None] | Busy | Closed:
    """What a check of numbers is answered: phone asked for -> the phone that WhatsApp has, None where it has none.

    This route alone answers some errors without the envelope: Baileys' own, and what is wrong with the request.
    """
    body = answer.json
    if 200 <= answer.status < 300:
        return _numbers(body) if isinstance(body, list) else Busy("unknown_answer", words(answer.text))
    output = body.get("output") if isinstance(body, dict) else None
    if isinstance(output, dict):
        reading = _BOOMS.get(str(output.get("statusCode")), _busy("gateway_error"))
        payload = output.get("payload")
        return _unsent(reading(words(str(payload.get("message") if isinstance(payload, dict) else "")), answer))
    if answer.status == 400 and isinstance(body, dict) and "message" in body:
        text = words(json.dumps(body["message"], ensure_ascii=False))
        return Closed("method_not_available" if "Method not available" in text else "rejected", text)
    if answer.status == 400 and isinstance(body, dict) and not isinstance(body.get("response"), dict):
        return Busy("gateway_error", words(answer.text))  # an error that JSON says nothing of: {}
    return _unsent(read_answer(answer))


#: Code of an error of Baileys', as `Boom` has it -> what it means.
_BOOMS: Mapping[str, Reading] = {
    "401": _closed("disconnected"),
    "408": _busy("number_check_timed_out"),
    "428": _closed("disconnected"),
    "429": _busy("rate_overlimit", after_s=OVERLIMIT_S),
}


def _numbers(items: list[Any]) -> dict[str, str | None]:
    """Whoever is not in the answer is not in here. An id that hides the number leaves the number that was asked for."""
    found: dict[str, str | None] = {}
    for item in items:
        number = item.get("number") if isinstance(item, dict) else None
        if isinstance(number, str) and isinstance(item.get("exists"), bool):
            match = PERSON.fullmatch(str(item.get("jid")))
            found[number] = (match[1] if match else number) if item["exists"] else None
    return found


def _unsent(answer: Answer) -> Busy | Closed:
    """The same of a question: it sends nothing, so nothing is in doubt, and no contact can be refused."""
    if isinstance(answer, Busy | Closed):
        return answer
    if isinstance(answer, Refused):
        return Closed(answer.reason, answer.detail)
    return Busy("unknown_answer", answer.detail if isinstance(answer, Unknown) else "")


def _retry_after_s(answer: Response) -> float | None:
    given = next((value for name, value in answer.headers.items() if name.lower() == "retry-after"), "")
    try:
        after_s = float(given) if re.fullmatch(r"[0-9]+", given) else parsedate_to_datetime(given).timestamp() - time()
    except (ValueError, OverflowError):
        return None
    return min(max(after_s, 0.0), LONGEST_RETRY_S)


def words(text: str) -> str:
    """The gateway's own words, short, on one line, without anybody's number."""
    return re.sub(r"\d{8,}", lambda match: mask(match[0]), " ".join(text.split()))[:200]
