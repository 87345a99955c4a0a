"""Evolution API under the contract, against our sandbox."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from broadcast.domain.contact import Status
from broadcast.gateways.base import Gateway
from broadcast.gateways.evolution import Evolution
from broadcast.gateways.sandbox.dialect import Send, echo, jid, update
from broadcast.gateways.sandbox.faults import Fault
from broadcast.gateways.sandbox.ledger import Ledger
from broadcast.gateways.sandbox.server import Behaviour, Sandbox
from tests.dialects.base import SECRET, Call, Can, Dialect, Taken


class EvolutionDialect(Dialect):
    name = "evolution"
    can = frozenset({Can.ECHO_MESSAGES, Can.SAY_OPEN})
    words: ClassVar[Mapping[str, Status]] = {
        "SERVER_ACK": Status.SENT,
        "SENT": Status.SENT,
        "DELIVERY_ACK": Status.DELIVERED,
        "DELIVERED": Status.DELIVERED,
        "READ": Status.READ,
        "PLAYED": Status.READ,
        "ERROR": Status.FAILED,
        "FAILED": Status.FAILED,
    }
    signature = "Authorization"
    key = "k3y"

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.url = sandbox.url
        sandbox.faults.add(Fault.read({"kind": "unknown_instance", "instance": self.stranger}))

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Dialect]:
        sandbox = Sandbox(0, ledger=Ledger(), behaviour=Behaviour(latency_ms=0), api_key=cls.key)
        threading.Thread(target=sandbox.serve_forever, args=(0.02,), daemon=True).start()
        yield cls(sandbox)
        sandbox.shutdown()
        sandbox.server_close()

    @staticmethod
    def adapter(url: str, *, key: str, timeout_s: float, secret: str | None) -> Gateway:
        return Evolution(url, key, timeout_s=timeout_s, webhook_token=secret)

    @staticmethod
    def is_send(request: bytes) -> bool:
        return request.startswith(b"POST /message/send")

    def taken(self) -> list[Taken]:
        return [
            Taken(
                message_id=arrival.id or "",
                instance=arrival.instance,
                phone=jid(arrival.number).partition("@")[0],
                kind=arrival.kind,
                text=arrival.text,
                raw=arrival,
            )
            for arrival in self._sandbox.ledger.arrivals()
            if arrival.outcome == "accepted"
        ]

    def _fault(self, kind: str, **more: Any) -> None:
        self._sandbox.faults.add(Fault.read({"kind": kind, **more}))

    def nobody_has(self, phone: str) -> None:
        self._fault("not_on_whatsapp", numbers=[phone])

    def too_many(self, *, retry_after_s: int | None) -> None:
        self._fault("too_many", **({} if retry_after_s is None else {"retryAfterS": retry_after_s}))

    def throttled(self) -> None:
        self._fault("rate_overlimit")

    def doubtful(self) -> None:
        self._fault("ambiguous")

    def disconnected(self) -> None:
        self._fault("closed")

    def told(self, taken: Taken, word: str) -> dict[str, Any]:
        return update(_send(taken), taken.message_id, word)

    def echoed(self, taken: Taken) -> dict[str, Any]:
        return echo(_send(taken), taken.message_id)

    def written(self, phone: str, text: str) -> dict[str, Any]:
        key = {"remoteJid": jid(phone), "fromMe": False, "id": "3A0000000000000000A1"}
        return self._event("messages.upsert", {"key": key, "pushName": "Ana", "message": {"conversation": text}})

    def connection(self, *, is_open: bool) -> dict[str, Any]:
        state, reason = ("open", 200) if is_open else ("close", 401)
        return self._event("connection.update", {"state": state, "statusReason": reason})

    def _event(self, name: str, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"event": name, "instance": self.instance, "data": dict(data)}

    def call(self, payload: Mapping[str, Any], *, secret: str = SECRET) -> Call:
        return Call({"Authorization": f"Bearer {secret}"}, json.dumps(payload).encode())


def _send(taken: Taken) -> Send:
    arrival = taken.raw
    return Send(arrival.instance, arrival.number, arrival.kind, arrival.text, arrival.mediaUrl)
