"""Instances: their lane, and a switch for the whole of it."""

from __future__ import annotations

from flask import jsonify
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from broadcast.api import asking

blueprint = Blueprint("instances", __name__, url_prefix="/instances", description="Instances")


@blueprint.get("/<instance>")
def one(instance: str) -> ResponseReturnValue:
    """The instance's lane: open, paused or closed and why, and what waits in it."""
    return jsonify(asking.lane(instance))


@blueprint.post("/<instance>/pause")
def pause(instance: str) -> ResponseReturnValue:
    """Nothing leaves through this instance until it is resumed."""
    return jsonify(asking.hold(instance))


@blueprint.post("/<instance>/resume")
def resume(instance: str) -> ResponseReturnValue:
    """Open the instance again, whatever held it."""
    return jsonify(asking.release(instance))
