"""What the views ask of the engine, with the caller's rights looked at first and the answer in its shape."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from flask import current_app, g, url_for

from broadcast.api import answers, auth, registration, shapes
from broadcast.domain.campaign import Move, Order, Scope, State
from broadcast.domain.contact import Status
from broadcast.engine import (
    accepting,
    adding,
    inspecting,
    previewing,
    registering,
    removing,
    reporting,
    steering,
    telling,
)
from broadcast.engine.inspecting import LaneView
from broadcast.errors import FieldError, Invalid, NotFound
from broadcast.gateways.catalogue import DIALECTS, Dialect
from broadcast.tasks.upkeep import probe_later, remove_later, wake
from broadcast.wiring import Services

log = logging.getLogger(__name__)


def services() -> Services:
    """The services that the door put on the app."""
    return cast(Services, current_app.extensions["services"])


def accept(body: Mapping[str, Any]) -> dict[str, Any]:
    """Accept a campaign and ask for its lane."""
    order = shapes.order_of(body, services().settings)
    _check(order)
    settings = services().settings
    acceptance = accepting.accept(
        services().store, order, country=settings.default_country, zone=settings.default_time_zone
    )
    if acceptance.state is State.RUNNING:
        wake(acceptance.instance)
    tell("accepted" if acceptance.is_new else "already accepted", acceptance.campaign, acceptance.instance)
    url = url_for("broadcast.broadcast_status", campaign=acceptance.campaign)
    return answers.accepted(acceptance, status_url=url)


def preview(body: Mapping[str, Any]) -> dict[str, Any]:
    """What accepting a campaign would do."""
    order = shapes.order_of(body, services().settings, shape=shapes.Preview)
    _check(order)
    found = previewing.preview(
        services().store,
        order,
        country=services().settings.default_country,
        now_ms=int(time.time() * 1000),
        wants_template=_dialect(order.instance).templates,
        zone=services().settings.default_time_zone,
        words=services().settings.optout_words,
        is_named=body.get("campaignId") is not None,
    )
    return answers.preview(found)


def preview_open(campaign: str) -> dict[str, Any]:
    """What starting an open campaign would do."""
    instance, settings = instance_of(campaign), services().settings
    found = previewing.of_open(
        services().store,
        campaign,
        now_ms=int(time.time() * 1000),
        wants_template=_dialect(instance).templates,
        zone=settings.default_time_zone,
        words=settings.optout_words,
    )
    return answers.preview(found)


def _check(order: Order) -> None:
    """Raise Forbidden, or Invalid for what the instance's gateway cannot send."""
    auth.may_use(order.instance)
    if order.content.template and not _dialect(order.instance).templates:
        raise Invalid(FieldError("/template", "cannot be sent: this instance's gateway knows no templates"))


def _dialect(instance: str) -> Dialect:
    return DIALECTS[services().gateways.door(instance).dialect]


def instance_of(campaign: str) -> str:
    """The instance of a campaign that the caller may see. Raises NotFound."""
    instance = telling.instance_of(services().store, campaign)
    auth.may_see(instance, campaign)
    return instance


def steer(campaign: str, move: Move) -> dict[str, Any]:
    """Pause, resume or cancel."""
    instance = instance_of(campaign)
    steered = steering.steer(services().store, campaign, move)
    if steered.state is State.RUNNING:
        wake(instance)
    tell(move.value, campaign, instance)
    return {
        "success": True,
        "campaignId": campaign,
        "status": steered.state.value,
        "onTheWire": steered.on_the_wire,
    }


def start(campaign: str) -> dict[str, Any]:
    """Start an open campaign."""
    instance_of(campaign)
    state, instance = adding.start(services().store, campaign, zone=services().settings.default_time_zone)
    if state is State.RUNNING:
        wake(instance)
    tell("start", campaign, instance)
    return {"success": True, "campaignId": campaign, "status": state.value}


def retry(campaign: str, scope: Scope) -> dict[str, Any]:
    """Have failed, or unconfirmed, contacts sent again."""
    instance = instance_of(campaign)
    retried = steering.retry(services().store, campaign, scope)
    if retried.state is State.RUNNING and retried.queued:
        wake(instance)
    tell(f"retry {scope.value}", campaign, instance)
    return {
        "success": True,
        "campaignId": campaign,
        "scope": scope.value,
        "queued": retried.queued + retried.left,
        "status": retried.state.value,
    }


def remove(campaign: str) -> dict[str, Any]:
    """Remove a campaign that is over."""
    instance = instance_of(campaign)
    removing.remove(services().store, campaign)
    remove_later(campaign)
    tell("remove", campaign, instance)
    return {"success": True, "campaignId": campaign}


def contacts(
    campaign: str, *, status: Status | None, reason: str | None, limit: int, cursor: str | None
) -> dict[str, Any]:
    """A page of a campaign's contacts."""
    instance_of(campaign)
    found = telling.contacts(services().store, campaign, status=status, reason=reason, limit=limit, cursor=cursor)
    return {
        "success": True,
        "contacts": [answers.contact(view) for view in found.items],
        "nextCursor": found.next_cursor,
    }


def summary(campaign: str) -> dict[str, Any]:
    """What became of a campaign."""
    instance_of(campaign)
    return answers.summary(reporting.summary(services().store, campaign))


def status(campaign: str) -> dict[str, Any]:
    """One campaign as it stands now."""
    progress = telling.progress(services().store, campaign, zone=services().settings.default_time_zone)
    auth.may_see(progress.instance, campaign)
    return answers.status(progress)


def page(*, status: State | None, instance: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
    """A page of the campaigns that the caller may see."""
    if instance is not None:
        auth.may_use(instance)
    instances = frozenset({instance}) if instance is not None else auth.caller().instances
    found = telling.page(services().store, state=status, instances=instances, limit=limit, cursor=cursor)
    return {
        "success": True,
        "campaigns": [answers.status(progress) for progress in found.items],
        "nextCursor": found.next_cursor,
    }


def instance(name: str) -> dict[str, Any]:
    """How an instance is registered, and its lane as it stands now."""
    _may_use(name)
    return instances_of(services(), [name])[0][0]


def instances_of(services: Services, names: Sequence[str]) -> list[tuple[dict[str, Any], int]]:
    """The same of several, each with when it was looked at, Unix ms; for whoever has looked at the caller's rights."""
    views = inspecting.lanes(services.store, names, zone=services.settings.default_time_zone)
    return [(_shown(view, services.settings.gateway), view.at_ms) for view in views]


def _shown(view: LaneView, fallback: str) -> dict[str, Any]:
    return {**answers.lane(view), **registration.shown(view.registered, view.rules, fallback=fallback)}


def register(name: str, body: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Register an instance, whole; the answer, and 201 where it is new. Raises Invalid for a name that is taken."""
    _may_use(name)
    if name in shapes.TAKEN:
        raise Invalid(FieldError("/instanceId", f"must be another name: {name} has an address of its own"))
    kept = services().store.instances.find(name)
    if kept is not None and kept.dialect is not None and "dialect" not in body:
        why = f"is {kept.dialect} now, and would be unset: name it again, or null for the gateway of the settings"
        raise Invalid(FieldError("/dialect", why))
    settings = services().settings
    is_new = registering.register(
        services().store,
        registration.registration_of(name, body, settings),
        secret_key=settings.secret_key,
        only_sandbox=settings.fault_injection,
        needs_webhook_secret=settings.checks_webhooks and settings.webhook_token is None,
    )
    wake(name)
    probe_later(name)
    return instance(name), 201 if is_new else 200


def hold(instance: str) -> dict[str, Any]:
    """Pause a whole instance."""
    _may_use(instance)
    steering.hold_lane(services().store, instance)
    return _lane(instance)


def release(instance: str) -> dict[str, Any]:
    """Open a whole instance."""
    _may_use(instance)
    steering.open_lane(services().store, instance)
    wake(instance)
    return _lane(instance)


def _lane(instance: str) -> dict[str, Any]:
    return answers.lane(inspecting.lane(services().store, instance, zone=services().settings.default_time_zone))


def _may_use(instance: str) -> None:
    """An instance is there once it is used; one that no campaign could name never is."""
    if not shapes.is_name(instance):
        raise NotFound("There is no instance of this name.")
    auth.may_use(instance)


def tell(deed: str, campaign: str, instance: str) -> None:
    """One line in the log for what somebody did to a campaign."""
    ids = {"campaign": campaign, "instance": instance, "caller": auth.caller().name, "request": g.get("request_id")}
    log.info(deed, extra={"action": "api", **ids})
