"""The sandbox's HTTP server: a thread per connection, an arrival stamped at its first byte."""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from broadcast.gateways.sandbox import asking, business
from broadcast.gateways.sandbox.arrival import ask_for_stamps, first_byte
from broadcast.gateways.sandbox.dialect import Send, accepted, echo, jid, new_id, read_form, read_send, update
from broadcast.gateways.sandbox.faults import KINDS, Fault, Faults, Reply, chance, envelope, share, unknown, whole
from broadcast.gateways.sandbox.instances import DELETED, LOGGED_OUT, Instances
from broadcast.gateways.sandbox.ledger import Ledger
from broadcast.gateways.sandbox.receipts import Postman

#: A hanging request is let go after so long, in s.
HANG_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """How the gateway behaves when nothing goes wrong."""

    latency_ms: int = 50  #: how long each send takes
    latency_jitter_ms: int = 0  #: and up to so much longer
    seed: int = 0  #: the same seed strikes, and has read, the same numbers
    receipts: bool = True  #: whether delivered messages are acknowledged by `messages.update` webhooks
    receipt_delay_ms: int = 200  #: from the answer to the first, and from each to the next
    read_share: float = 0.6  #: the part of all numbers that read what they get
    echoes: bool = True  #: whether each delivered message is told by a `send.message` webhook, before the others

    def changed(self, body: Mapping[str, Any]) -> Behaviour:
        """The same but for the fields that `body` names. Raises ValueError or KeyError for what makes no sense."""
        fields: dict[str, Any] = {}
        for name, value in body.items():
            field, read = _BEHAVIOUR[name]
            fields[field] = read(value)
        return replace(self, **fields)


#: name in JSON -> field, and how its value is read
_BEHAVIOUR: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "latencyMs": ("latency_ms", whole),
    "latencyJitterMs": ("latency_jitter_ms", whole),
    "seed": ("seed", whole),
    "receipts": ("receipts", bool),
    "receiptDelayMs": ("receipt_delay_ms", whole),
    "readShare": ("read_share", share),
    "echoes": ("echoes", bool),
}


class Sandbox(ThreadingHTTPServer):
    """The gateway itself. `postman` delivers its receipts, if there is anyone to deliver them to.

    Without an `api_key` it takes any that is shown.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(
        self,
        port: int,
        *,
        ledger: Ledger,
        behaviour: Behaviour,
        postman: Postman | None = None,
        api_key: str | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        # On the listener too: the kernel stamps what comes only while some socket asks for it, and a connection's first
        # byte may be there before the connection itself could ask.
        ask_for_stamps(self.socket)
        self.ledger = ledger
        self.faults = Faults()
        self.instances = Instances(self._tell)
        self.behaviour = behaviour
        self.postman = postman
        self.api_key = api_key

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def server_close(self) -> None:
        """Close the socket, the ledger's file and the posting process."""
        super().server_close()
        self.ledger.close()
        if self.postman is not None:
            self.postman.close()

    def _tell(self, instance: str, calls: Sequence[dict[str, Any]]) -> None:
        if self.postman is not None:
            self.postman.post(instance, [(0.0, call) for call in calls])

    def standing(self, instance: str) -> Fault | None:
        """What everything sent through the instance meets, by what was done to it."""
        if self.instances.is_deleted(instance):
            return DELETED
        return LOGGED_OUT if self.instances.is_logged_out(instance) else None

    def take(self, send: Send, *, at: float, reference: str | None) -> tuple[Reply, int]:
        """Enter one request to send in the ledger; return the answer, and how many ms to wait before it."""
        fault = self.standing(send.instance) or self.faults.strike(
            send.instance, send.number, self.behaviour.seed, business.is_spared if send.is_metas else lambda _: False
        )
        reply = _filled(fault, send.instance, send.number).reply if fault else Reply(201, delivered=True)
        message_id = new_id(is_metas=send.is_metas) if reply.delivered else None
        if fault is None or (fault.reply.deed == "cut" and message_id):
            reply = replace(reply, body=accepted(send, message_id or ""))
        self.ledger.add(
            at=at,
            wall=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            instance=send.instance,
            number=send.number,
            kind=send.kind,
            text=send.text,
            mediaUrl=send.media_url,
            reference=reference,
            outcome="accepted" if reply.delivered else fault.kind if fault else "refused",
            id=message_id,
        )
        if message_id and self.postman is not None:
            self.postman.post(send.instance, list(self.calls(send, message_id)))
        jitter = random.random() * self.behaviour.latency_jitter_ms  # noqa: S311 - not a secret
        return reply, int(self.behaviour.latency_ms + jitter + (fault.delay_ms if fault else 0))

    def calls(self, send: Send, message_id: str) -> Iterator[tuple[float, dict[str, Any]]]:
        """The webhooks of a delivered message and after how many s each comes, whether its send is answered or not."""
        behaviour = self.behaviour
        if behaviour.echoes:
            yield behaviour.latency_ms / 1000, echo(send, message_id)
        if not behaviour.receipts:
            return
        words = [*(business.WORDS if send.is_metas else ("SERVER_ACK", "DELIVERY_ACK"))]
        if chance(behaviour.seed, "read", send.number) < behaviour.read_share:
            words.append("READ")
        for step, word in enumerate(words, start=1):
            in_s = (behaviour.latency_ms + step * behaviour.receipt_delay_ms) / 1000
            yield in_s, update(send, message_id, word)


def _filled(fault: Fault, instance: str, number: str = "") -> Fault:
    """The fault with whom it is about in its reply, where the real server names it. A body of its own stays."""
    if fault.reply.body != KINDS[fault.kind].body:
        return fault
    if fault.kind == "not_on_whatsapp":
        person = {"jid": jid(number), "exists": False, "number": number}
        return replace(fault, reply=replace(fault.reply, body=envelope(400, "Bad Request", [person]).body))
    if fault.kind == "unknown_instance":
        return replace(fault, reply=replace(fault.reply, body=unknown(instance).body))
    return fault


#: What is answered whoever shows no key.
_STRANGER = envelope(401, "Unauthorized", "Unauthorized")


def _instance(path: str) -> str:
    """Whom a path is about: its last part."""
    return unquote(path.rsplit("/", 1)[-1])


class _Handler(BaseHTTPRequestHandler):
    server: Sandbox
    at = 0.0

    def handle(self) -> None:
        """Stamp the first byte before anything is parsed: the connection itself may have been open for a while."""
        with suppress(ConnectionError):
            self.at = first_byte(self.connection)
            super().handle()

    def setup(self) -> None:
        """Have the kernel stamp what comes."""
        ask_for_stamps(self.request)
        super().setup()

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        instance = _instance(path)
        body = self._body()
        if path == "/faults":
            self._configure(lambda: self.server.faults.add(Fault.read(body)))
        elif path.startswith("/chat/whatsappNumbers/"):
            is_metas = self.server.instances.is_metas(instance)
            answer = partial(asking.numbers, body, partial(self._fault, instance), is_metas=is_metas)
            self._reply_to_key(answer, of=instance)
        elif not self._is_of_instances(body):
            self._message(path, instance, body)

    def _fault(self, instance: str, number: str | None = None) -> Fault | None:
        """The fault that a number, or the whole instance, would meet."""
        faults, seed = self.server.faults, self.server.behaviour.seed
        fault = self.server.standing(instance) or (
            faults.shutting(instance) if number is None else faults.threatening(instance, number, seed)
        )
        return _filled(fault, instance, number or "") if fault else None

    def _is_of_instances(self, body: Any = None) -> bool:
        """Whether it was about instances themselves, and is answered."""
        answer = self.server.instances.answer_to(self.command, self.path)
        if answer is not None:
            self._reply_to_key(lambda: answer(body))
        return answer is not None

    def _reply_to_key(self, reply: Callable[[], Reply], *, of: str | None = None) -> None:
        """Reply to a caller who shows the key; `of`: the instance that is looked for before the key is."""
        self._reply(reply() if self._shows_key() else self._unknown(of) or _STRANGER)

    def _unknown(self, instance: str | None) -> Reply | None:
        """What is answered of an instance that is not there, whoever asks."""
        fault = self._fault(instance) if instance is not None else None
        return fault.reply if fault and fault.kind == "unknown_instance" else None

    def _shows_key(self) -> bool:
        shown = self.headers.get("apikey")
        return shown == self.server.api_key if self.server.api_key is not None else bool(shown)

    def _message(self, path: str, instance: str, body: Any) -> None:
        send = read_send(path, body, is_metas=self.server.instances.is_metas(instance))
        if send is None:
            self._reply(envelope(404, "Not Found", [f"Cannot POST {path}"]))
        elif not self._shows_key():
            self._reply(self._unknown(instance) or _STRANGER)
        elif isinstance(send, Reply):
            self._reply(self._unknown(instance) or send)
        else:
            reference = self.headers.get("X-Broadcast-Reference")
            reply, wait_ms = self.server.take(send, at=self.at, reference=unquote(reference) if reference else None)
            time.sleep(wait_ms / 1000)
            self._reply(reply)

    def do_PUT(self) -> None:
        body = self._body()
        if self.path != "/behaviour":
            self._send(404, {"error": "not found"})
            return

        def change() -> None:
            self.server.behaviour = self.server.behaviour.changed(body)

        self._configure(change)

    def do_DELETE(self) -> None:
        clear = {"/faults": self.server.faults.clear, "/ledger": self.server.ledger.clear}.get(self.path)
        if clear is not None:
            self._configure(clear)
        elif not self._is_of_instances():
            self._send(404, {"error": "not found"})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        ledger, instance = self.server.ledger, query.get("instance")
        if parts.path == "/ledger":
            after = query.get("after", "0")
            if not after.isdecimal():
                self._send(422, {"error": "after is a seq of the ledger"})
                return
            arrivals = ledger.arrivals(instance=instance, after=int(after))
            self._send(200, {"count": len(arrivals), "arrivals": [asdict(arrival) for arrival in arrivals]})
        elif parts.path == "/ledger/gaps":
            self._send(200, ledger.gaps(instance=instance))
        elif parts.path.startswith("/instance/connectionState/"):
            name = _instance(parts.path)
            is_out = self.server.instances.is_logged_out(name)
            self._reply_to_key(lambda: asking.state(name, self._fault(name), is_logged_out=is_out), of=name)
        elif parts.path == "/":
            self._send(200, {"status": 200, "message": "Broadcast sandbox: nothing leaves it", "version": "2.3.7"})
        elif not self._is_of_instances():
            self._reply(envelope(404, "Not Found", [f"Cannot GET {parts.path}"]))

    def _configure(self, change: Any) -> None:
        try:
            change()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._send(422, {"error": f"{type(error).__name__}: {error}"})
        else:
            self._send(200, {"ok": True})

    def _body(self) -> Any:
        length = self.headers.get("Content-Length") or "0"
        raw = self.rfile.read(int(length) if length.isdecimal() else 0)
        content_type = self.headers.get("Content-Type") or ""
        if content_type.startswith("multipart/"):
            return read_form(content_type, raw)
        try:
            return json.loads(raw) if raw else {}
        except ValueError:
            return None

    def _reply(self, reply: Reply) -> None:
        if reply.deed == "hang":
            time.sleep(HANG_S)
        elif reply.deed == "drop":
            self._reset()
        elif reply.deed == "answer":
            self._send(reply.status, reply.body, headers=reply.headers)
        elif reply.deed == "cut":
            self._send(reply.status, reply.body, cut=True)
        self.close_connection = True

    def _reset(self) -> None:
        """End the connection with RST: no lingering, and the descriptor taken from whoever would shut it down first."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def _send(self, status: int, body: Any, *, headers: Mapping[str, str] | None = None, cut: bool = False) -> None:
        is_text = isinstance(body, str)
        content = body.encode() if is_text else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if is_text else "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)

    def log_message(self, *_: Any) -> None:
        """The ledger is the log."""
