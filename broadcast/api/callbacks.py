"""A campaign's callbacks: what became of each, and another try for those that failed."""

from __future__ import annotations

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from broadcast.api import answers, asking, shapes
from broadcast.api.describing import call
from broadcast.engine import calling

blueprint = Blueprint("callbacks", __name__, url_prefix="/campaigns", description="Callbacks")

REPLAYED = call(shows={202: "Replayed"}, conflicts=True)


@blueprint.get("/<campaign>/callbacks")
@blueprint.doc(**call(shows={200: "Callbacks"}, query=shapes.CallbacksQuery))
def page(campaign: str) -> ResponseReturnValue:
    """Each callback of the last 7 days, newest first; `status`, `limit` and `cursor` choose."""
    asking.instance_of(campaign)
    query = shapes.load(shapes.CallbacksQuery(), request.args)
    store = asking.services().store
    found = calling.page(store, campaign, state=query["status"], limit=query["limit"], cursor=query["cursor"])
    return jsonify(answers.callbacks(found))


@blueprint.post("/<campaign>/callbacks/replay")
@blueprint.doc(**REPLAYED)
def replay_failed(campaign: str) -> ResponseReturnValue:
    """Deliver again what was given up; `queued` says how many. Callbacks that a 410 switched off are on again."""
    return _replay(campaign, None)


@blueprint.post("/<campaign>/callbacks/<event>/replay")
@blueprint.doc(**REPLAYED)
def replay_one(campaign: str, event: str) -> ResponseReturnValue:
    """Deliver one callback again, under the same id, even if it was delivered."""
    return _replay(campaign, event)


def _replay(campaign: str, event: str | None) -> ResponseReturnValue:
    asking.instance_of(campaign)
    queued = calling.replay(asking.services().store, campaign, event=event)
    return jsonify({"success": True, "campaignId": campaign, "queued": queued}), 202
