"""What is asked without sending: who has WhatsApp, and how an instance is. It sees the faults that sends would meet."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from broadcast.gateways.sandbox.business import NO_CHECK
from broadcast.gateways.sandbox.dialect import jid
from broadcast.gateways.sandbox.faults import Fault, Reply


def _boom(code: int, error: str, message: str) -> Reply:
    """An error of Baileys', which this route alone answers as it stands."""
    payload = {"statusCode": code, "error": error, "message": message}
    output = {"statusCode": code, "payload": payload, "headers": {}}
    return Reply(400, {"data": None, "isBoom": True, "isServer": False, "output": output})


#: kind of fault -> what a check is answered, where it concerns one; None: as a send is. Others concern sends alone.
_CHECKS: Mapping[str, Reply | None] = {
    "closed": _boom(428, "Precondition Required", "Connection Closed"),
    "closed_before": _boom(428, "Precondition Required", "Connection Closed"),
    "busy": _boom(408, "Request Time-out", "Timed Out"),
    "rate_overlimit": _boom(429, "Too Many Requests", "rate-overlimit"),
    "unauthorized": None,
    "unknown_instance": None,
    "too_many": None,
    "unavailable": None,
    "bad_gateway": None,
    "gateway_timeout": None,
    "html": None,
}


def numbers(body: Any, fault_of: Callable[[str], Fault | None], *, is_metas: bool) -> Reply:
    """Who of these has WhatsApp: everybody, but for those under a fault. An instance of Meta's does not say."""
    asked: Any = body.get("numbers") if isinstance(body, dict) else None
    problem = _problem(asked)
    if problem is not None:
        return Reply(400, {"status": 400, "error": "Bad Request", "message": [[problem]]})
    faults = {number: fault_of(re.sub(r"\D", "", number)) for number in asked}
    # Of those that concern a check, an instance of Meta's meets only what comes before the telephone.
    concerning = {kind for kind, reply in _CHECKS.items() if not (is_metas and reply)}
    struck = next((fault for fault in faults.values() if fault and fault.kind in concerning), None)
    if struck is not None:
        return _CHECKS[struck.kind] or struck.reply
    if is_metas:
        return NO_CHECK
    missing = {number for number, fault in faults.items() if fault and fault.kind == "not_on_whatsapp"}
    people = [
        {"jid": jid(re.sub(r"\D", "", number)), "exists": number not in missing, "number": number} for number in asked
    ]
    return Reply(200, people)


def _problem(asked: Any) -> str | None:
    if not isinstance(asked, list) or not all(isinstance(number, str) for number in asked):
        return "numbers is not of a type(s) array"
    if not asked:
        return "numbers does not meet minimum length of 1"
    return "numbers contains duplicate item" if len(set(asked)) < len(asked) else None


def state(instance: str, fault: Fault | None, *, is_logged_out: bool) -> Reply:
    """How the instance is, under the fault that everything sent through it meets."""
    if is_logged_out:
        return Reply(200, {"instance": {"instanceName": instance, "state": "connecting"}})
    if fault and fault.kind in {"unauthorized", "unknown_instance"}:
        return fault.reply
    is_closed = fault and fault.kind in {"closed", "closed_before"}
    return Reply(200, {"instance": {"instanceName": instance, "state": "close" if is_closed else "open"}})
