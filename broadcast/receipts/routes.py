"""Webhook calls: verified before they are parsed, stored before they are answered.

In another dialect than its own, there is no such instance. Evolution drops an event for good on 400, 401, 403, 404 and
422, so those are for callers who are not our gateway; a fault of ours is a 503, and the gateway comes again. The body
is never logged: it may hold the instance's key.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import cast

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from broadcast.engine import settling, steering
from broadcast.errors import Forbidden, NotFound, Unauthorized, Unavailable
from broadcast.gateways.base import Connection, Inbound, News, Preference
from broadcast.gateways.catalogue import DIALECTS
from broadcast.tasks.upkeep import wake
from broadcast.wiring import Door, Services

log = logging.getLogger(__name__)
blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")


@blueprint.get("/cloud/<instance>")
def challenge(instance: str) -> ResponseReturnValue:
    """Meta asks whether the address is ours before it posts there; it is not for anybody else to know."""
    answer = _door("cloud", instance).gateway.challenge(request.args)
    if answer is None:
        raise Forbidden("This call does not carry the verify token.")
    return Response(answer, content_type="text/plain")


def receive(spoken: str, instance: str, rest: str = "") -> ResponseReturnValue:
    """A gateway's call. Whose it is, headers, body and the rest of the path say, each dialect in its own way."""
    body, door = _body(), _door(spoken, instance)
    if body is None and DIALECTS[door.dialect].signs_bodies:
        return _left_out("too_large", "a webhook call is too large to be a receipt", instance)
    if not door.is_its_own(dict(request.headers), body or b"", path=rest):
        door = _afresh(spoken, instance)
        if not door.is_its_own(dict(request.headers), body or b"", path=rest):
            _left_out("unsigned", "a webhook call does not carry the secret, or is not signed with it", instance)
            raise Unauthorized("This call does not carry the webhook's secret, or is not signed with it.")
    if body is None:
        return _left_out("too_large", "a webhook call is too large to be a receipt", instance)
    payload = _parsed(body)
    if payload is None:
        return _left_out("unreadable", "a webhook call is no JSON that we could read", instance)
    _take_all(instance, door.gateway.read(payload))
    return "", 204


def _take_all(instance: str, news: News) -> None:
    """Do what the news say of those whom they are of, however they are called; what they say of people, in any case."""
    owners = [instance] if news.session is None else services().gateways.sessions(news.session, beside=instance)
    for owner in owners:
        _take(owner, news)
    if not owners:
        _leave_to_nobody(f"session/{news.session}", instance)
        _heed(instance, news)
    for name, more in news.others.items():
        others = _called(name, addressed=instance)
        for other in others:
            _take(other, more)
        if not others:
            _heed(instance, more)


for _spoken in sorted({dialect.webhook for dialect in DIALECTS.values()}):
    for _rule in (f"/{_spoken}/<instance>", f"/{_spoken}/<instance>/<path:rest>"):
        blueprint.add_url_rule(_rule, _spoken, receive, methods=["POST"], defaults={"spoken": _spoken})


def _take(instance: str, news: News) -> None:
    """Do what the news of one instance say. Done again when they are told again; raises Unavailable."""
    store, settings = services().store, services().settings
    for echo in news.echoes:
        settling.adopt(store, instance, echo, lease_ms=services().sending.policy.lease_ms)
    settled = settling.settle(
        store, instance, news.receipts, max_attempts=settings.send_max_attempts, account=news.account
    )
    _heed(instance, news)
    if news.connection is not None:
        _apply(instance, news.connection)
    log.debug("settled %s", settled, extra={"action": "webhook", "instance": instance})


def _heed(instance: str, news: News) -> None:
    """Do what people wrote or wish: whomever they tell, it concerns every instance."""
    said: list[Inbound | Preference] = [*news.inbound, *news.preferences]
    settling.heed(services().store, instance, said, words=services().settings.optout_words)


def _called(name: str, *, addressed: str) -> list[str]:
    """Whose news these are; the addressed instance's own where it may be called so and nobody else is."""
    gateways = services().gateways
    found = gateways.called(name, beside=addressed)
    sort, _, id_ = name.partition("/")
    if sort == "account":
        found = sorted({*found, *_learned(id_, name, addressed)})
    elif not found and gateways.is_called(addressed, name) is None:
        return [addressed]
    if not found:
        _leave_to_nobody(name, addressed)
    return found


def _learned(account: str, name: str, addressed: str) -> Iterator[str]:
    """Those of whom nobody said which account they are of, but their receipts did."""
    for one in services().store.lanes.of_account(addressed, account):
        if services().gateways.is_called(one, name) is None:
            yield one


def _leave_to_nobody(name: str, addressed: str) -> None:
    _tell_of_nobody(name, addressed)
    services().store.webhooks.left_out("of_nobody")


@lru_cache(maxsize=1000)  # once, not once per receipt
def _tell_of_nobody(name: str, addressed: str) -> None:
    ids = {"action": "webhook", "instance": addressed}
    text = "%s is no instance whose calls are known by the same secret: its news are left out"
    log.warning(text, name[:100], extra=ids)


def services() -> Services:
    """The services that the door put on the app."""
    return cast(Services, current_app.extensions["services"])


def _left_out(why: str, text: str, instance: str) -> ResponseReturnValue:
    """Tell of a call that comes to nothing, count it, and ask for it no more: it would be no better the next time."""
    log.warning("%s", text, extra={"action": "webhook", "instance": instance})
    services().store.webhooks.left_out(why)
    return "", 202


def _parsed(body: bytes) -> Mapping[str, object] | None:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _body() -> bytes | None:
    """The body; None where it is too large to be a receipt (Evolution and WAHA can attach the media themselves)."""
    try:
        return request.get_data()
    except RequestEntityTooLarge:
        return None
    except ClientDisconnected as error:
        raise Unavailable("The body broke off before its end.") from error  # to be told again, and not dropped


def _door(spoken: str, instance: str) -> Door:
    """What the instance is sent through, if that calls us in this dialect. Raises NotFound."""
    door = services().gateways.door(instance)
    return door if DIALECTS[door.dialect].webhook == spoken else _afresh(spoken, instance)


def _afresh(spoken: str, instance: str) -> Door:
    """The same, as the registry has it now: before a gateway is refused for good, what is believed is looked up."""
    services().gateways.forget(instance)
    door = services().gateways.door(instance)
    if DIALECTS[door.dialect].webhook != spoken:
        raise NotFound(f"The instance {instance} is not of this dialect.")
    return door


def _apply(instance: str, connection: Connection) -> None:
    ids = {"action": "webhook", "instance": instance}
    if not steering.hear(services().store, instance, connection, clock=services().gateways.door(instance).clock):
        return
    if not connection.is_open:
        log.warning("the gateway closed the instance: %s", connection.reason, extra=ids)
        return
    log.info("the gateway opened the instance again", extra=ids)
    wake(instance)
