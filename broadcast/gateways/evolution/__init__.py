"""Evolution API v2: what it is sent, what its answers mean (`answers`), and what its webhooks say (`webhooks`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import time
from typing import Any
from urllib.parse import quote

from broadcast.domain.content import Kind
from broadcast.gateways.addresses import Addresses
from broadcast.gateways.base import (
    Alone,
    Answer,
    Busy,
    Closed,
    Connection,
    Departure,
    Message,
    News,
    Refused,
    Secured,
)
from broadcast.gateways.evolution.answers import read_answer, read_numbers
from broadcast.gateways.evolution.webhooks import connection_of, is_ours, read_call
from broadcast.gateways.files import named
from broadcast.gateways.http import Http, Response
from broadcast.gateways.readings import NO_TEMPLATES, shut_by

#: Newer versions take no more numbers in one check. Source: Evolution's docs/responsible-messaging.md.
MOST_NUMBERS = 50


class Evolution(Secured, Alone):
    """One Evolution API server. `timeout_s` is how long it may take over one send, its own waiting included.

    `check_numbers`: each number is asked about before its message leaves. A send asks as well, but media only after
    they were uploaded; and to ask about many is a reason to be banned.
    """

    _dialect = "evolution"
    pair_ms = 0

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout_s: float,
        webhook_token: str | None = None,
        check_numbers: bool = False,
    ) -> None:
        self._http = Http(url, timeout_s=timeout_s, headers={"apikey": api_key}, secrets=(api_key, webhook_token))
        self._webhook_secret = webhook_token
        self.checks_numbers = check_numbers
        self._addresses = Addresses()

    def own_id(self, message: Message) -> None:
        """None: WhatsApp's side chooses the id."""

    def send(self, message: Message, *, departure: Departure) -> Answer:
        """Send one message; see `Gateway.send`. The reference goes along as a header that real servers ignore."""
        if message.template is not None:
            return NO_TEMPLATES
        unsendable = self._unsendable(message, departure) if self.checks_numbers else None
        if unsendable is not None:
            return unsendable
        path, body = request_of(message)
        # A campaign may be named with anything; a header holds Latin-1 at the most.
        headers = {"X-Broadcast-Reference": quote(message.reference, safe=":")}
        answer = self._http.post(path, body, departure=departure, headers=headers)
        return read_answer(answer) if isinstance(answer, Response) else answer

    def _unsendable(self, message: Message, departure: Departure) -> Refused | Busy | Closed | None:
        """Why the message need not leave; None where it may, or nobody could say: the send asks once more."""
        if self._addresses.of(message.instance, message.phone) is not None:
            return None
        departure.attend()
        found = self.exists(message.instance, [message.phone])
        if isinstance(found, Busy):
            return found
        if isinstance(found, Closed):
            # Of Meta's instances nobody can ask; and a number that it does not take is no reason to close the lane.
            return None if found.reason in {"method_not_available", "rejected"} else found
        if message.phone not in found:
            return None
        address = found[message.phone]
        if address is None:
            return Refused("not_on_whatsapp")
        self._addresses.keep(message.instance, message.phone, address)
        return None

    def probe(self, instance: str) -> Connection | None:
        """The state that Evolution has of the instance, or why it says none. A restricted number stays `open`."""
        answer = self._http.ask("GET", f"/instance/connectionState/{quote(instance, safe='')}")
        if isinstance(answer, Response) and answer.status >= 300:
            return shut_by(read_answer(answer))
        body = answer.json if isinstance(answer, Response) else None
        found = body.get("instance") if isinstance(body, dict) else None
        return connection_of(found) if isinstance(found, dict) else None

    def exists(self, instance: str, phones: Iterable[str]) -> Mapping[str, str | None] | Busy | Closed:
        """The phone that WhatsApp has for each of these, None where it has none; whom it does not tell of is left out.

        Sends nothing to anybody, but to ask about many people is a reason to be banned. Closed("method_not_available"):
        an instance of the Cloud API cannot be asked, and can send all the same.
        """
        found: dict[str, str | None] = {}
        left = list(dict.fromkeys(phones))
        while left:
            chunk, left = left[:MOST_NUMBERS], left[MOST_NUMBERS:]
            path = f"/chat/whatsappNumbers/{quote(instance, safe='')}"
            answer = self._http.ask("POST", path, body={"numbers": chunk})
            numbers = read_numbers(answer) if isinstance(answer, Response) else answer
            if isinstance(numbers, Busy | Closed):
                return numbers
            found.update({phone: numbers[phone] for phone in chunk if phone in numbers})
        return found

    def verify(self, headers: Mapping[str, str], body: bytes, *, path: str) -> bool:  # noqa: ARG002 - not signed
        """Whether the call carries our token: as a bearer, as the key of a signed bearer (`jwt_key`), or in the path,
        where the event's name may follow.

        Evolution signs no bodies. Without a token every call is taken.
        """
        return self._webhook_secret is None or is_ours(headers, path=path, token=self._webhook_secret, now=time())

    def session_of(self, instance: str) -> str:
        """The instance's own name: it is what messages are sent through."""
        return instance

    def challenge(self, query: Mapping[str, str]) -> None:
        """None: Evolution asks nothing before it posts."""

    def read(self, payload: Mapping[str, object]) -> News:
        """What a webhook call says; empty news for what does not concern us, or is malformed."""
        return read_call(payload)


def request_of(message: Message) -> tuple[str, dict[str, Any]]:
    """The path and the body that send this message."""
    instance = quote(message.instance, safe="")
    if message.kind is Kind.TEXT:
        return f"/message/sendText/{instance}", {"number": message.phone, "text": message.text}
    if message.kind is Kind.AUDIO:
        return f"/message/sendWhatsAppAudio/{instance}", {"number": message.phone, "audio": message.media_url}
    url = message.media_url or ""
    name, mimetype = named(message.kind, url)
    body = {"number": message.phone, "mediatype": message.kind.value, "media": url, "caption": message.text}
    # Evolution takes the type from the file's name, and a document is shown by it.
    return f"/message/sendMedia/{instance}", {
        **body,
        **({"fileName": name} if name else {}),
        **({"mimetype": mimetype} if name and mimetype else {}),
    }
