"""Instances: how they are registered, their lane, and a switch for the whole of it."""

from __future__ import annotations

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from broadcast.api import asking, streams
from broadcast.api.body import read_json
from broadcast.api.describing import call
from broadcast.api.registration import Register
from broadcast.api.streams import EVENTS

blueprint = Blueprint("instances", __name__, url_prefix="/instances", description="Instances")

#: Rules alone, through the gateway of the settings.
RULES = {
    "rateLimitMs": 15000,
    "jitterMs": 30000,
    "dailyCap": 200,
    "window": {"start": "08:00", "end": "20:00", "timeZone": "America/Sao_Paulo", "days": ["mon", "tue", "wed"]},
    "warmUp": {"since": "2025-08-29"},
}


@blueprint.get("/events")
@blueprint.doc(responses=EVENTS)
def events() -> ResponseReturnValue:
    """Server-sent events of the instances: all of them first, then those that change."""
    return streams.instances()


@blueprint.get("/<instance>")
@blueprint.doc(**call(shows={200: "Instance"}))
def one(instance: str) -> ResponseReturnValue:
    """How the instance is registered, and its lane: open, paused or closed and why, and what waits in it."""
    return jsonify(asking.instance(instance))


@blueprint.put("/<instance>")
@blueprint.doc(
    **call(shows={201: "Instance", 200: "Instance"}, asks=Register, examples={"rules": RULES}, conflicts=True)
)
def register(instance: str) -> ResponseReturnValue:
    """Say which gateway the instance is sent through, and its own rules. What is left out is unset."""
    answer, status = asking.register(instance, read_json(request))
    return jsonify(answer), status


@blueprint.post("/<instance>/pause")
@blueprint.doc(**call(shows={200: "Lane"}))
def pause(instance: str) -> ResponseReturnValue:
    """Nothing leaves through this instance until it is resumed."""
    return jsonify(asking.hold(instance))


@blueprint.post("/<instance>/resume")
@blueprint.doc(**call(shows={200: "Lane"}))
def resume(instance: str) -> ResponseReturnValue:
    """Open the instance again, whatever held it."""
    return jsonify(asking.release(instance))
