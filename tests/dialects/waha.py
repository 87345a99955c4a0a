"""WAHA under the contract, against a stand-in whose engine takes ids."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from broadcast.domain.contact import Status
from broadcast.domain.content import Kind
from broadcast.gateways.base import Gateway, Message
from broadcast.gateways.waha import Waha
from tests.dialects.base import ANA, SECRET, Call, Can, Dialect, Taken
from tests.standins.waha import Reply, StandIn, message_of, problem, thrown, waha


class WahaDialect(Dialect):
    name = "waha"
    can = frozenset({Can.TAKE_IDS, Can.ECHO_MESSAGES, Can.CLOSE_ONE_CAMPAIGN, Can.SIGN_BODIES, Can.SAY_OPEN})
    words: ClassVar[Mapping[str, Status]] = {
        "SERVER": Status.SENT,
        "DEVICE": Status.DELIVERED,
        "READ": Status.READ,
        "PLAYED": Status.READ,
        "ERROR": Status.FAILED,
    }
    signature = "X-Webhook-Hmac"
    key = "waha-key"

    def __init__(self, server: StandIn) -> None:
        self._server = server
        self.url = server.url

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Dialect]:
        with waha(api_key=cls.key, hmac_key=SECRET, numbers={ANA: "553199990001@c.us"}) as server:
            yield cls(server)

    @staticmethod
    def adapter(url: str, *, key: str, timeout_s: float, secret: str | None) -> Gateway:
        return Waha(url, key, timeout_s=timeout_s, hmac_key=secret)

    @staticmethod
    def is_send(request: bytes) -> bool:
        return request.startswith(b"POST /api/send")

    def taken(self) -> list[Taken]:
        return [
            Taken(
                message_id=taken.id,
                instance=taken.body["session"],
                phone=taken.body["chatId"].partition("@")[0],
                kind=_KINDS[taken.path],
                text=taken.body.get("text") or taken.body.get("caption") or "",
                raw=taken,
            )
            for taken in self._server.ledger
        ]

    def nobody_has(self, phone: str) -> None:
        del self._server.numbers[phone]

    def _refuse(self, reply: Reply, path: str = "/api/sendText") -> None:
        self._server.refuse(path, reply)

    def too_many(self, *, retry_after_s: int | None) -> None:
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        self._refuse(replace(problem(429, "Slow down", "Too Many Requests"), headers=headers))

    def throttled(self) -> None:
        self._refuse(thrown("rate-overlimit"), "/api/contacts/check-exists")

    def doubtful(self) -> None:
        self._refuse(thrown("Timed Out"))

    def disconnected(self) -> None:
        self._server.sessions[self.instance] = "STOPPED"

    def close_one_campaign(self) -> Message:
        cannot = problem(501, "The method is not implemented by 'WPP' engine.", "Not Implemented")
        self._refuse(cannot, "/api/sendVideo")
        return self.message(Kind.VIDEO)

    def told(self, taken: Taken, word: str) -> dict[str, Any]:
        return self._server.tell(taken.raw, word)

    def echoed(self, taken: Taken) -> dict[str, Any]:
        return self._server.event("message.any", message_of(taken.raw, engine="NOWEB", ack="SERVER"), taken.instance)

    def written(self, phone: str, text: str) -> dict[str, Any]:
        chat = f"{phone}@c.us"
        item = {"id": f"false_{chat}_3A00000000000000A1", "from": chat, "fromMe": False, "source": "app", "body": text}
        return self._server.event("message", item, self.instance)

    def connection(self, *, is_open: bool) -> dict[str, Any]:
        return self._server.event("session.status", {"status": "WORKING" if is_open else "FAILED"}, self.instance)

    def call(self, payload: Mapping[str, Any], *, secret: str = SECRET) -> Call:
        body = json.dumps(payload, ensure_ascii=False).encode()
        return Call(replace(self._server, hmac_key=secret).signed(body), body)


#: the call that sends it -> kind
_KINDS: Mapping[str, str] = {
    "/api/sendText": "text",
    "/api/sendImage": "image",
    "/api/sendVideo": "video",
    "/api/sendVoice": "audio",
    "/api/sendFile": "document",
}
