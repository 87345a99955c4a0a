"""Webhook calls: verified before they are parsed, stored before they are answered.

In another dialect than its own, there is no such instance. Evolution drops an event for good on 400, 401, 403, 404 and
422, so those are for callers who are not our gateway; a fault of ours is a 503, and the gateway comes again. The body
is never logged: it may hold the instance's key.
"""

from __future__ import annotations

import json
import logging
from typing import cast

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from broadcast.engine import settling, steering
from broadcast.errors import Forbidden, NotFound, Unauthorized
from broadcast.gateways.base import Connection, Gateway
from broadcast.gateways.catalogue import DIALECTS
from broadcast.tasks.upkeep import wake
from broadcast.wiring import Services

log = logging.getLogger(__name__)
blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")


@blueprint.get("/cloud/<instance>")
def challenge(instance: str) -> ResponseReturnValue:
    """Meta asks whether the address is ours before it posts there; it is not for anybody else to know."""
    answer = _gateway("cloud", instance).challenge(request.args)
    if answer is None:
        raise Forbidden("This call does not carry the verify token.")
    return Response(answer, content_type="text/plain")


def receive(spoken: str, instance: str, rest: str = "") -> ResponseReturnValue:
    """A gateway's call. Whose it is, headers, body and the rest of the path say, each dialect in its own way."""
    body, gateway = _body(), _gateway(spoken, instance)
    if not gateway.verify(dict(request.headers), body, path=rest):
        gateway = _afresh(spoken, instance)
        if not gateway.verify(dict(request.headers), body, path=rest):
            raise Unauthorized("This call does not carry the webhook's secret, or is not signed with it.")
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        log.warning("a webhook call is no JSON that we could read", extra={"action": "webhook", "instance": instance})
        return "", 202  # it would be no better the next time
    news = gateway.read(payload)
    lease_ms = services().sending.policy.lease_ms
    for echo in news.echoes:
        settling.adopt(services().store, instance, echo, lease_ms=lease_ms)
    most = services().settings.send_max_attempts
    settled = settling.settle(services().store, instance, news.receipts, max_attempts=most)
    settling.heed(
        services().store, instance, (*news.inbound, *news.preferences), words=services().settings.optout_words
    )
    if news.connection is not None:
        _apply(instance, news.connection)
    log.debug("settled %s", settled, extra={"action": "webhook", "instance": instance})
    return "", 204


for _spoken in sorted({dialect.webhook for dialect in DIALECTS.values()}):
    for _rule in (f"/{_spoken}/<instance>", f"/{_spoken}/<instance>/<path:rest>"):
        blueprint.add_url_rule(_rule, _spoken, receive, methods=["POST"], defaults={"spoken": _spoken})


def services() -> Services:
    """The services that the door put on the app."""
    return cast(Services, current_app.extensions["services"])


def _body() -> bytes:
    """The body; nothing of one that is too large to be a receipt (Evolution can attach the media itself)."""
    try:
        return request.get_data()
    except RequestEntityTooLarge:
        return b""


def _gateway(spoken: str, instance: str) -> Gateway:
    """The gateway of the instance, if it calls us in this dialect. Raises NotFound."""
    door = services().gateways.door(instance)
    return door.gateway if DIALECTS[door.dialect].webhook == spoken else _afresh(spoken, instance)


def _afresh(spoken: str, instance: str) -> Gateway:
    """The same, as the registry has it now: before a gateway is refused for good, what is believed is looked up."""
    services().gateways.forget(instance)
    door = services().gateways.door(instance)
    if DIALECTS[door.dialect].webhook != spoken:
        raise NotFound(f"The instance {instance} is not of this dialect.")
    return door.gateway


def _apply(instance: str, connection: Connection) -> None:
    store = services().store
    ids = {"action": "webhook", "instance": instance}
    if not connection.is_open:
        if steering.closed(store, instance, connection.reason):
            log.warning("the gateway closed the instance: %s", connection.reason, extra=ids)
    elif steering.reopened(store, instance):
        log.info("the gateway opened the instance again", extra=ids)
        wake(instance)
