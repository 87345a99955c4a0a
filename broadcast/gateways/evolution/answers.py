"""What Evolution's answers mean.

An answer is read by its shape, never by its HTTP code alone: one and the same 400 is a number without WhatsApp, a
wrong field, a closed socket, or an error after the message left. In 2.3.x a 500 of Evolution's own comes from the phase
before the message goes out (number check, media), a 400 with one unknown string from the phase in which it does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from broadcast.gateways.base import Accepted, Answer, Busy, Closed, Refused, Unknown
from broadcast.gateways.http import Response
from broadcast.gateways.meta import code_of, meaning_of, unheard_of
from broadcast.gateways.readings import OVERLIMIT_S, Reading, busy, closed, refused, unknown
from broadcast.gateways.words import can_be_id, foreign, words

#: A person's address: digits, perhaps the number of a device.
PERSON = re.compile(r"([0-9]{5,20})(?::[0-9]+)?@s\.whatsapp\.net")


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
    if isinstance(key, dict) and can_be_id(key.get("id")):
        return Accepted(key["id"])
    if code_of(body) is not None:
        # What Meta answered to a WHATSAPP-BUSINESS instance, passed on inside a 201.
        return meaning_of(body) or unheard_of(body)
    return Unknown("answer_without_id", words(answer.text))


def _accepted_at_length(text: str) -> Accepted | None:
    """An accepted message whose answer is too long to be read: with the media in it. The key comes first."""
    match = re.match(r'\s*\{\s*"key"\s*:\s*(\{[^{}]*\})\s*,', text)
    try:
        message_id = json.loads(match[1]).get("id") if match else None
    except ValueError:
        return None
    return Accepted(str(message_id)) if can_be_id(message_id) else None


def _refused(message: Any, answer: Response) -> Answer:
    """An error in Evolution's own envelope. `message` is a text, or a list of texts, lists or objects."""
    first = next(iter(message), "") if isinstance(message, list) else message
    if isinstance(first, dict) and first.get("exists") is False:
        return Refused("not_on_whatsapp", words(str(first.get("number", ""))))
    if isinstance(first, list):
        return Refused("rejected", words("; ".join(problem for problem in first if isinstance(problem, str))))
    if answer.status == 400 and isinstance(message, str) and _NOT_JSON.search(message):
        return Refused("rejected", words(message))
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
    return foreign(answer)


#: (HTTP code or None for any, what the text says, what it means); the first that fits. Source: Evolution 2.3.6, 2.3.7.
_TEXTS: tuple[tuple[int | None, re.Pattern[str], Reading], ...] = (
    # In the send phase it is thrown before the message is written: by the queries that come first, or by a look at the
    # socket. A logged-out instance answers just this, so Unknown would use up its contacts one by one. As a part of
    # another text (a database's, an object store's) it may come after the message left.
    (400, re.compile(r"^(Error: )?Connection Closed$"), closed("disconnected")),
    (500, re.compile(r"Connection Closed"), closed("disconnected")),
    (404, re.compile(r"instance does not exist"), closed("unknown_instance")),
    (404, re.compile(r"^Cannot (GET|POST)"), closed("gateway_address_wrong")),
    (401, re.compile(r""), closed("unauthorized")),
    (403, re.compile(r""), closed("unauthorized")),
    (500, re.compile(r"reading 'textMessage'"), closed("instance_not_loaded")),
    # Whole beginnings as well: as a part of another text they come from who was told of the message after it left.
    (
        400,
        re.compile(
            r"^(Error: |BadRequestException: )?"
            r"(Text is required|Owned media must be|For base64 the file name must|JID decoded but user is empty"
            r"|Method not available)"
        ),
        refused("rejected"),
    ),
    # In a 400 it comes from the send phase, where nobody knows which of its queries was refused.
    (400, re.compile(r"rate-overlimit"), unknown("rate_overlimit", after_s=OVERLIMIT_S)),
    (500, re.compile(r"rate-overlimit"), busy("rate_overlimit", after_s=OVERLIMIT_S)),
    (429, re.compile(r"rate-overlimit"), busy("rate_overlimit", after_s=OVERLIMIT_S)),
    # The medium's own server, asked by Evolution. That it is asked too much passes.
    (
        500,
        re.compile(r"status code (408|425|429|5\d\d)|ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|socket hang up"),
        busy("media_unreachable"),
    ),
    (500, re.compile(r"status code 4\d\d"), refused("media_unreachable")),
    (500, re.compile(r"Timed Out|reading 'find'"), busy("number_check_timed_out")),
)

#: What is wrong with the JSON of a request, which comes as a text alone. The same in a list is an error of the send
#: phase: something was read as JSON after the message left, such as a page of an object store's, or of Chatwoot's.
_NOT_JSON = re.compile(r"^(Expected|Unexpected) .* JSON|in JSON at position")

#: An error in Evolution's envelope whose text is none of the above.
_BY_STATUS: Mapping[int, Reading] = {
    400: unknown("failed_while_sending"),
    429: busy("too_many_requests"),
    500: busy("gateway_error"),
    503: busy("gateway_unavailable"),
}


def read_numbers(answer: Response) -> Mapping[str, str | None] | Busy | Closed:
    """What a check of numbers is answered: phone asked for -> the phone that WhatsApp has, None where it has none.

    This route alone answers some errors without the envelope: Baileys' own, and what is wrong with the request.
    """
    body = answer.json
    if 200 <= answer.status < 300:
        return _numbers(body) if isinstance(body, list) else Busy("unknown_answer", words(answer.text))
    output = body.get("output") if isinstance(body, dict) else None
    if isinstance(output, dict):
        reading = _BOOMS.get(str(output.get("statusCode")), busy("gateway_error"))
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
    "401": closed("disconnected"),
    "408": busy("number_check_timed_out"),
    "428": closed("disconnected"),
    "429": busy("rate_overlimit", after_s=OVERLIMIT_S),
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
