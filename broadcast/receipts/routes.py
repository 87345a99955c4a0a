"""Webhook calls: verified before they are parsed, stored before they are answered.

Evolution drops an event for good on 400, 401, 403, 404 and 422, so those are for callers who are not our gateway; a
fault of ours is a 503, and the gateway comes again. The body is never logged: it may hold the instance's key.
"""

from __future__ import annotations

import json
import logging
from typing import cast

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from broadcast.engine import settling, steering
from broadcast.errors import Unauthorized
from broadcast.gateways.base import Connection
from broadcast.tasks.upkeep import wake
from broadcast.wiring import Services

log = logging.getLogger(__name__)
blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")


@blueprint.post("/evolution/<instance>")
@blueprint.post("/evolution/<instance>/<path:rest>")
def evolution(instance: str, rest: str = "") -> ResponseReturnValue:
    """A call of Evolution's. Its token is in a header or is the next part of the path; the event's name may follow."""
    body = _body()
    _verify(instance, rest, body)
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        log.warning("a webhook call is no JSON that we could read", extra={"action": "webhook", "instance": instance})
        return "", 202  # it would be no better the next time
    news = services().gateways.of(instance).read(payload)
    lease_ms = services().sending.policy.lease_ms
    for echo in news.echoes:
        settling.adopt(services().store, instance, echo, lease_ms=lease_ms)
    settled = settling.settle(services().store, instance, news.receipts)
    if news.connection is not None:
        _apply(instance, news.connection)
    log.debug("settled %s", settled, extra={"action": "webhook", "instance": instance})
    return "", 204


def services() -> Services:
    """The services that the door put on the app."""
    return cast(Services, current_app.extensions["services"])


def _body() -> bytes:
    """The body; nothing of one that is too large to be a receipt (Evolution can attach the media itself)."""
    try:
        return request.get_data()
    except RequestEntityTooLarge:
        return b""


def _verify(instance: str, rest: str, body: bytes) -> None:
    gateway = services().gateways.of(instance)
    if not gateway.verify(dict(request.headers), body, path=rest):
        raise Unauthorized("This call does not carry the webhook token.")


def _apply(instance: str, connection: Connection) -> None:
    store = services().store
    ids = {"action": "webhook", "instance": instance}
    if not connection.is_open:
        if steering.closed(store, instance, connection.reason):
            log.warning("the gateway closed the instance: %s", connection.reason, extra=ids)
    elif steering.reopened(store, instance):
        log.info("the gateway opened the instance again", extra=ids)
        wake(instance)
