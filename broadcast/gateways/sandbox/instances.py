"""Instances of the sandbox, for clients that make them, ask for them, log them out and delete them.

Whoever sends through an instance that nobody made does so all the same, unless it was deleted. One that is logged out
sends no more until it is paired again, for which nobody has to hold a telephone here: to ask for the code is enough.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from broadcast.gateways.sandbox.dialect import OWN, event, instance_id
from broadcast.gateways.sandbox.faults import KINDS, Fault, Reply, envelope, unknown

Call = dict[str, Any]

_SETTINGS: Mapping[str, Any] = {
    **dict.fromkeys(("rejectCall", "groupsIgnore", "alwaysOnline", "readMessages"), False),
    **dict.fromkeys(("readStatus", "syncFullHistory"), False),
    **dict.fromkeys(("msgCall", "wavoipToken"), ""),
}
#: All events, in the order in which the real server lists them. Source: Evolution 2.3.7.
EVENTS = (
    *("APPLICATION_STARTUP", "QRCODE_UPDATED", "MESSAGES_SET", "MESSAGES_UPSERT", "MESSAGES_EDITED", "MESSAGES_UPDATE"),
    *("MESSAGES_DELETE", "SEND_MESSAGE", "SEND_MESSAGE_UPDATE", "CONTACTS_SET", "CONTACTS_UPSERT", "CONTACTS_UPDATE"),
    *("PRESENCE_UPDATE", "CHATS_SET", "CHATS_UPSERT", "CHATS_UPDATE", "CHATS_DELETE", "GROUPS_UPSERT", "GROUP_UPDATE"),
    *("GROUP_PARTICIPANTS_UPDATE", "CONNECTION_UPDATE", "LABELS_EDIT", "LABELS_ASSOCIATION", "CALL", "TYPEBOT_START"),
    *("TYPEBOT_CHANGE_STATUS", "REMOVE_INSTANCE", "LOGOUT_INSTANCE", "INSTANCE_CREATE", "INSTANCE_DELETE"),
    "STATUS_INSTANCE",
)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _new_id() -> str:
    return f"c{uuid.uuid4().hex[:24]}"


@dataclass
class Instance:
    """One that somebody made, as `given`; or one that somebody asks about."""

    name: str
    given: Mapping[str, Any] = field(default_factory=dict)
    token: str = field(default_factory=lambda: str(uuid.uuid4()).upper())
    made_at: str = field(default_factory=_now)
    webhook: Mapping[str, Any] | None = None

    @property
    def is_metas(self) -> bool:
        """Whether it sends through Meta's Cloud API instead of a telephone."""
        return self.given.get("integration") == "WHATSAPP-BUSINESS"

    def created(self) -> Call:
        """What its maker is answered."""
        is_metas = self.is_metas
        given = self.given.get("webhook")
        hook = given if isinstance(given, dict) else {}
        return {
            "instance": {
                "instanceName": self.name,
                "instanceId": instance_id(self.name),
                "integration": self.given.get("integration"),
                "webhookWaBusiness": "http://127.0.0.1:8080/webhook/meta" if is_metas else None,
                "accessTokenWaBusiness": "evolution" if is_metas else "",
                "status": "open",
            },
            "hash": self.token,
            "webhook": {
                "webhookUrl": hook.get("url"),
                "webhookHeaders": hook.get("headers"),
                "webhookByEvents": hook.get("byEvents", False),
                "webhookBase64": hook.get("base64", False),
            }
            if hook
            else {},
            **{name: {} for name in ("websocket", "rabbitmq", "nats", "sqs")},
            "settings": _SETTINGS,
            **({"qrcode": {"count": 0}} if self.given.get("qrcode") else {}),
        }

    def shown(self, state: str) -> Call:
        """How it is listed."""
        own = {"instanceId": instance_id(self.name), "createdAt": self.made_at, "updatedAt": self.made_at}
        is_metas = self.is_metas
        return {
            "id": instance_id(self.name),
            "name": self.name,
            "connectionStatus": state,
            "ownerJid": None if is_metas else OWN,
            "profileName": None if is_metas else "Sandbox",
            "integration": self.given.get("integration", "WHATSAPP-BAILEYS"),
            "number": self.given.get("number"),
            "businessId": self.given.get("businessId"),
            "token": self.token,
            "clientName": "evolution",
            **dict.fromkeys(("profilePicUrl", "disconnectionReasonCode", "disconnectionObject", "disconnectionAt")),
            "createdAt": self.made_at,
            "updatedAt": self.made_at,
            **dict.fromkeys(("Chatwoot", "Proxy", "Rabbitmq", "Nats", "Sqs", "Websocket")),
            "Setting": {"id": _new_id(), **_SETTINGS, **own},
            "_count": {"Message": 0, "Contact": 0, "Chat": 0},
        }


class Instances:
    """All that are known. Thread-safe. `tell` posts webhooks of an instance."""

    def __init__(self, tell: Callable[[str, Sequence[Call]], None] = lambda _, __: None) -> None:
        self._tell = tell
        self._known: dict[str, Instance] = {}
        self._logged_out: set[str] = set()
        self._deleted: set[str] = set()
        self._lock = threading.Lock()

    def answer_to(self, method: str, target: str) -> Callable[[Any], Reply] | None:
        """What answers a request about instances by its body; None for another route."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        for wanted, pattern, answer in _ROUTES:
            match = re.fullmatch(pattern, path) if wanted == method else None
            if match:
                name = match.groups() or query.get("instanceName", [""])
                return partial(self._locked, answer, unquote(name[0]))
        return None

    def _locked(self, answer: Callable[[Instances, str, Any], Reply], name: str, body: Any) -> Reply:
        with self._lock:
            return unknown(name) if name in self._deleted else answer(self, name, body)

    def is_logged_out(self, name: str) -> bool:
        """Whether it waits to be paired."""
        with self._lock:
            return name in self._logged_out

    def is_deleted(self, name: str) -> bool:
        """Whether it was deleted, and not made again."""
        with self._lock:
            return name in self._deleted

    def is_metas(self, name: str) -> bool:
        """Whether it was made as one of kind WHATSAPP-BUSINESS."""
        with self._lock:
            return name in self._known and self._known[name].is_metas

    def _state(self, name: str) -> str:
        return "connecting" if name in self._logged_out else "open"

    def _create(self, _: str, body: Any) -> Reply:
        name = body.get("instanceName") if isinstance(body, dict) else None
        if not isinstance(name, str) or not name:
            return envelope(400, "Bad Request", [['instance requires property "instanceName"']])
        if name in self._known:
            return envelope(403, "Forbidden", [f'This name "{name}" is already in use.'])
        token = {"token": body["token"]} if isinstance(body.get("token"), str) else {}
        self._known[name] = Instance(name, body, **token)
        self._deleted.discard(name)
        return Reply(201, self._known[name].created())

    def _fetch(self, name: str, _: Any) -> Reply:
        found = [self._known.get(name) or Instance(name)] if name else list(self._known.values())
        return Reply(200, [instance.shown(self._state(instance.name)) for instance in found])

    def _set_webhook(self, name: str, body: Any) -> Reply:
        hook = body.get("webhook") if isinstance(body, dict) else None
        if not isinstance(hook, dict):
            return envelope(400, "Bad Request", [['instance requires property "webhook"']])
        if not isinstance(hook.get("events"), list):
            return envelope(500, "Internal Server Error", "Cannot read properties of undefined (reading 'length')")
        for number, word in enumerate(hook["events"]):
            if word not in EVENTS:
                wrong = f"webhook.events[{number}] is not one of enum values: {','.join(EVENTS)}"
                return envelope(400, "Bad Request", [[wrong]])
        instance = self._known.setdefault(name, Instance(name))
        before = instance.webhook or {"id": _new_id(), "createdAt": _now()}
        instance.webhook = {
            "id": before["id"],
            "url": hook.get("url"),
            "headers": hook.get("headers"),
            "enabled": hook.get("enabled"),
            "events": hook["events"],
            "webhookByEvents": hook.get("byEvents", False),
            "webhookBase64": hook.get("base64", False),
            "createdAt": before["createdAt"],
            "updatedAt": _now(),
            "instanceId": instance_id(name),
        }
        return Reply(201, instance.webhook)

    def _find_webhook(self, name: str, _: Any) -> Reply:
        instance = self._known.get(name)
        return Reply(200, instance.webhook if instance else None)

    def _connect(self, name: str, _: Any) -> Reply:
        if name not in self._logged_out:
            return Reply(200, {"instance": {"instanceName": name, "state": "open"}})
        self._open(name)
        code = {"pairingCode": None, "code": "2@sandbox", "base64": "data:image/png;base64,", "count": 1}
        return Reply(200, code)

    def _restart(self, name: str, _: Any) -> Reply:
        self._open(name)
        return Reply(200, {"instance": {"instanceName": name, "state": "open"}})

    def _open(self, name: str) -> None:
        self._logged_out.discard(name)
        states = [{"instance": name, "state": state, "statusReason": 200} for state in ("connecting", "open")]
        self._tell(name, [event("connection.update", name, state) for state in states])

    def _logout(self, name: str, _: Any) -> Reply:
        self._logged_out.add(name)
        ended = {"instance": name, "status": "closed", "disconnectionAt": _now(), "disconnectionReasonCode": 401}
        shut = {"instance": name, "state": "close", "statusReason": 401}
        self._tell(
            name,
            [
                event("status.instance", name, {**ended, "disconnectionObject": "{}"}),
                event("connection.update", name, shut),
                event("logout.instance", name, None),
            ],
        )
        return _done("Instance logged out")

    def _delete(self, name: str, _: Any) -> Reply:
        self._known.pop(name, None)
        self._deleted.add(name)
        self._logged_out.discard(name)
        return _done("Instance deleted")

    def _presence(self, _: str, body: Any) -> Reply:
        return Reply(201, {"presence": body.get("presence") if isinstance(body, dict) else None})


def _done(message: str) -> Reply:
    return Reply(200, {"status": "SUCCESS", "error": False, "response": {"message": message}})


#: What a send through an instance that is logged out meets.
LOGGED_OUT = Fault(kind="closed", reply=KINDS["closed"])
#: And one through an instance that was deleted.
DELETED = Fault(kind="unknown_instance", reply=KINDS["unknown_instance"])

_ROUTES: tuple[tuple[str, str, Callable[[Instances, str, Any], Reply]], ...] = (
    ("POST", "/instance/create", Instances._create),
    ("GET", "/instance/fetchInstances", Instances._fetch),
    ("GET", "/instance/connect/([^/]+)", Instances._connect),
    ("POST", "/instance/restart/([^/]+)", Instances._restart),
    ("DELETE", "/instance/logout/([^/]+)", Instances._logout),
    ("DELETE", "/instance/delete/([^/]+)", Instances._delete),
    ("POST", "/webhook/set/([^/]+)", Instances._set_webhook),
    ("GET", "/webhook/find/([^/]+)", Instances._find_webhook),
    ("POST", "/chat/sendPresence/([^/]+)", Instances._presence),
)
