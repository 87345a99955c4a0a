"""Evolution's side of the dialect: what a request must be, and what an accepted one is answered."""

from __future__ import annotations

import re
import time
import uuid
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from typing import Any
from urllib.parse import unquote

from broadcast.gateways.sandbox import business
from broadcast.gateways.sandbox.faults import Reply, envelope

_ROUTE = re.compile(r"/message/(sendText|sendMedia|sendWhatsAppAudio|sendTemplate)/([^/]+)$")
#: route -> the fields that it cannot do without
_REQUIRED = {
    "sendText": ("number", "text"),
    "sendMedia": ("number", "mediatype"),
    "sendWhatsAppAudio": ("number", "audio"),
    "sendTemplate": ("number", "name", "language", "components"),
}
#: route -> the kind that it sends; another's says it in its `mediatype`
_KINDS = {"sendText": "text", "sendTemplate": "text", "sendWhatsAppAudio": "audio"}
_MEDIA = ("image", "document", "video", "audio")
_TEXTS = ("text", "caption", "media", "audio", "fileName", "mimetype", "name", "language")
#: Where WhatsApp would keep a medium, and the number that the sandbox sends from.
MEDIUM, OWN = "https://mmg.whatsapp.net/o1/sandbox", "5511900000000@s.whatsapp.net"
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True)
class Send:
    """A request to send that the dialect would take."""

    instance: str
    number: str
    kind: str
    text: str
    media_url: str | None
    is_metas: bool = False  #: whether its instance is of kind WHATSAPP-BUSINESS


def read_form(content_type: str, raw: bytes) -> dict[str, str]:
    """The fields of a form, which media may come in; its file becomes the medium, in base64."""
    form = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + raw)
    fields: dict[str, str] = {}
    for part in form.walk():
        name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if name == "file" and isinstance(content, bytes):
            fields["media"] = b64encode(content).decode()
        elif isinstance(name, str) and isinstance(content, bytes):
            fields[name] = content.decode(errors="replace")
    return fields


def read_send(path: str, body: Any, *, is_metas: bool = False) -> Send | Reply | None:
    """The send that is asked for, or the error that the real server answers; None for another route.

    `path` is as it came: a name may hold an escaped slash.
    """
    match = _ROUTE.match(path)
    if match is None or (match[1] == "sendTemplate" and not is_metas):
        return None
    route, instance = match[1], unquote(match[2])
    if not isinstance(body, dict):
        return envelope(400, "Internal Server Error", "Unexpected token in JSON at position 0")
    problems = [f'instance requires property "{name}"' for name in _REQUIRED[route] if name not in body]
    if problems:
        return envelope(400, "Bad Request", [problems])
    return _wrong_field(route, body, is_metas=is_metas) or Send(
        instance=instance,
        number=re.sub(r"\D", "", body["number"]),
        kind=_KINDS.get(route) or body["mediatype"],
        text=_text(route, body),
        media_url=body.get("media") or body.get("audio"),
        is_metas=is_metas,
    )


def _text(route: str, body: Mapping[str, Any]) -> str:
    if route == "sendTemplate":
        return business.template_text(body)
    return "" if _is_audio(route, body) else body.get("text") or body.get("caption") or ""


def _is_audio(route: str, body: Mapping[str, Any]) -> bool:
    """Whether it is shown without a caption, whatever was asked."""
    return route == "sendWhatsAppAudio" or body.get("mediatype") == "audio"


def _wrong_field(route: str, body: Mapping[str, Any], *, is_metas: bool) -> Reply | None:
    """What the schema finds, then what the controller finds, then what the send itself fails on."""
    problem = _schema(route, body)
    if problem is not None:
        return envelope(400, "Bad Request", [[problem]])
    if is_metas and (wrong := business.wrong_field(body)):
        return wrong
    problem = None if route == "sendTemplate" else _content(route, body, is_metas=is_metas)
    if problem is None and not re.search(r"\d", body["number"]):
        problem = 'Error: JID decoded but user is empty: "@s.whatsapp.net"'
    return envelope(400, "Bad Request", [problem]) if problem else None


def _schema(route: str, body: Mapping[str, Any]) -> str | None:
    if not isinstance(body["number"], str):
        return "Invalid format"
    if "delay" in body and (not isinstance(body["delay"], int) or isinstance(body["delay"], bool)):
        return "Enter a value in milliseconds"
    if route == "sendMedia" and body["mediatype"] not in _MEDIA:
        return f"mediatype is not one of enum values: {','.join(_MEDIA)}"
    wrong = next((name for name in _TEXTS if not isinstance(body.get(name, ""), str)), None)
    return f"{wrong} is not of a type(s) string" if wrong else None


def _content(route: str, body: Mapping[str, Any], *, is_metas: bool) -> str | None:
    if route == "sendText":
        return None if is_metas or body["text"].strip() else "Text is required"
    medium = body.get("media") or body.get("audio") or ""
    if medium.startswith(("http://", "https://")):
        return None
    if not _BASE64.fullmatch(medium):
        return "Owned media must be a url or base64"
    if body.get("mediatype") == "document" and not body.get("fileName"):
        return "For base64 the file name must be informed."
    return None


def new_id(*, is_metas: bool = False) -> str:
    """A message id of WhatsApp's look, or of Meta's."""
    if is_metas:
        return business.new_id()
    return f"3EB0{uuid.uuid4().hex[:18].upper()}"


def jid(number: str) -> str:
    """The number's address. Of Brazilian mobiles the real server drops the ninth digit where most accounts have none.

    Source: Evolution 2.3.7, `createJid`.
    """
    match = re.fullmatch(r"55(\d\d)9([7-9]\d{7})", number)
    digits = f"55{match[1]}{match[2]}" if match and int(match[1]) >= 31 else number
    return f"{digits}@s.whatsapp.net"


def accepted(send: Send, message_id: str) -> dict[str, Any]:
    """The answer to an accepted send."""
    kind = "conversation" if send.kind == "text" else f"{send.kind}Message"
    return {
        "key": {"remoteJid": jid(send.number), "fromMe": True, "id": message_id},
        "status": "PENDING",
        "message": {kind: send.text if send.kind == "text" else _medium(send)},
        "messageType": kind,
        "messageTimestamp": int(time.time()),
        "instanceId": instance_id(send.instance),
        **({"source": "unknown"} if send.is_metas else {"source": "web", "pushName": "Você", "contextInfo": None}),
    }


def _medium(send: Send) -> dict[str, Any]:
    caption = {"caption": send.text} if send.text else {}
    if send.is_metas:
        return business.medium(send.kind, send.media_url or "", caption)
    return {"url": MEDIUM, **caption}


def echo(send: Send, message_id: str) -> dict[str, Any]:
    """A `send.message` webhook: it holds what the send is answered."""
    return event("send.message", send.instance, accepted(send, message_id), is_metas=send.is_metas)


def update(send: Send, message_id: str, status: str) -> dict[str, Any]:
    """A `messages.update` webhook."""
    data = {
        "keyId": message_id,
        "remoteJid": jid(send.number),
        "fromMe": not send.is_metas,  # of Meta's the real server has it wrong
        "status": status,
        "instanceId": instance_id(send.instance),
    }
    return event("messages.update", send.instance, data, is_metas=send.is_metas)


def event(name: str, instance: str, data: Mapping[str, Any] | None, *, is_metas: bool = False) -> dict[str, Any]:
    """A webhook. That of an instance of Meta's does not say who sends."""
    at = datetime.now().isoformat(timespec="milliseconds") + "Z"  # noqa: DTZ005 - local, with a Z: so a real one has it
    sender = {} if is_metas else {"sender": OWN}
    return {"event": name, "instance": instance, "data": data, "date_time": at, **sender, "apikey": None}


def instance_id(instance: str) -> str:
    """The id that the instance has beside its name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, instance))
