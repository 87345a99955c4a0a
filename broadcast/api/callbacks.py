"""Callbacks: what became of each of a campaign's, which failed of all, and another try for those."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from broadcast.api import answers, asking, auth, shapes
from broadcast.api.describing import call
from broadcast.engine import calling

blueprint = Blueprint("callbacks", __name__, description="Callbacks")

REPLAYED = call(shows={202: "Replayed"}, conflicts=True)


@blueprint.get("/campaigns/<campaign>/callbacks")
@blueprint.doc(**call(shows={200: "Callbacks"}, query=shapes.CallbacksQuery))
def page(campaign: str) -> ResponseReturnValue:
    """Each callback of the last 7 days, newest first; `status`, `limit` and `cursor` choose."""
    return jsonify(look(campaign, shapes.load_query(shapes.CallbacksQuery(), request.args)))


@blueprint.post("/campaigns/<campaign>/callbacks/replay")
@blueprint.doc(**REPLAYED)
def replay_failed(campaign: str) -> ResponseReturnValue:
    """Deliver again what was given up; `queued` says how many. Callbacks that a 410 switched off are on again."""
    return jsonify(replay(campaign, event=None)), 202


@blueprint.post("/campaigns/<campaign>/callbacks/<event>/replay")
@blueprint.doc(**REPLAYED)
def replay_one(campaign: str, event: str) -> ResponseReturnValue:
    """Deliver one callback again, under the same id, even if it was delivered."""
    return jsonify(replay(campaign, event=event)), 202


@blueprint.get("/callbacks")
@blueprint.doc(**call(shows={200: "FailedCallbacks"}, query=shapes.FailedCallbacksQuery))
def failed() -> ResponseReturnValue:
    """The callbacks of all campaigns that were given up in the last 7 days, newest first."""
    return jsonify(look_at_failed(shapes.load_query(shapes.FailedCallbacksQuery(), request.args)))


def look_at_failed(query: Mapping[str, Any]) -> dict[str, Any]:
    """A page of the callbacks that failed, of the campaigns that the caller may see. Raises Invalid."""
    instances = auth.caller().instances
    found = calling.given_up(asking.services().store, instances=instances, limit=query["limit"], cursor=query["cursor"])
    return answers.failed_callbacks(found)


def look(campaign: str, query: Mapping[str, Any]) -> dict[str, Any]:
    """A page of the callbacks of a campaign that the caller may see. Raises NotFound, Invalid."""
    asking.instance_of(campaign)
    store = asking.services().store
    found = calling.page(store, campaign, state=query["status"], limit=query["limit"], cursor=query["cursor"])
    return answers.callbacks(found)


def replay(campaign: str, *, event: str | None) -> dict[str, Any]:
    """Have one callback, or (None) all that failed, delivered again. Raises NotFound, Conflict."""
    instance = asking.instance_of(campaign)
    queued = calling.replay(asking.services().store, campaign, event=event)
    asking.tell("replay callbacks", campaign, instance)
    return {"success": True, "campaignId": campaign, "queued": queued}
