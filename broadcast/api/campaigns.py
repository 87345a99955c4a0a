"""Campaigns as resources: listed, looked at, steered."""

from __future__ import annotations

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from broadcast.api import asking, shapes
from broadcast.domain.campaign import Move

blueprint = Blueprint("campaigns", __name__, url_prefix="/campaigns", description="Campaigns")


@blueprint.get("")
def list_campaigns() -> ResponseReturnValue:
    """A page of campaigns, newest first; `status`, `instance`, `limit` and `cursor` choose."""
    return jsonify(asking.page(**shapes.load(shapes.ListQuery(), request.args)))


@blueprint.get("/<campaign>")
def one(campaign: str) -> ResponseReturnValue:
    """One campaign as it stands now."""
    return jsonify(asking.status(campaign))


@blueprint.post("/<campaign>/pause")
def pause(campaign: str) -> ResponseReturnValue:
    """Nothing more leaves; `onTheWire` requests may still arrive."""
    return jsonify(asking.steer(campaign, Move.PAUSE))


@blueprint.post("/<campaign>/resume")
def resume(campaign: str) -> ResponseReturnValue:
    """Go on at the pace, without catching up."""
    return jsonify(asking.steer(campaign, Move.RESUME))


@blueprint.post("/<campaign>/cancel")
def cancel(campaign: str) -> ResponseReturnValue:
    """Nothing more leaves, for good."""
    return jsonify(asking.steer(campaign, Move.CANCEL))
