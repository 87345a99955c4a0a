"""The CRM's own endpoints: one with an action in the body, one for callers inside the server, and the status."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from broadcast.api import asking, auth, scopes, shapes
from broadcast.api.body import read_json
from broadcast.api.describing import call
from broadcast.api.shown import CAMPAIGN
from broadcast.domain.campaign import Move
from broadcast.errors import FieldError, Invalid, NotFound

blueprint = Blueprint("broadcast", __name__, description="The CRM's endpoints")


def _steer(move: Move) -> Callable[[dict[str, Any]], ResponseReturnValue]:
    def view(body: dict[str, Any]) -> ResponseReturnValue:
        return jsonify(asking.steer(_campaign(body), move))

    return view


def _status(body: dict[str, Any]) -> ResponseReturnValue:
    return jsonify(asking.status(_campaign(body)))


def _list(body: dict[str, Any]) -> ResponseReturnValue:
    return jsonify(asking.page(**shapes.load(shapes.ListAction(), body)))


def _send(body: dict[str, Any]) -> ResponseReturnValue:
    return jsonify(asking.accept(body)), 202


def _campaign(body: Mapping[str, Any]) -> str:
    """The campaign that the body names; on another instance than the one it names there is none such."""
    loaded = shapes.load(shapes.Steer(), body)
    campaign: str = loaded["campaignId"]
    if loaded["instanceId"] not in {None, asking.instance_of(campaign)}:
        raise NotFound(f"There is no campaign {campaign} on the instance {loaded['instanceId']}.")
    return campaign


ACTIONS: Mapping[str, Callable[[dict[str, Any]], ResponseReturnValue]] = {
    "send_broadcast": _send,
    "pause_broadcast": _steer(Move.PAUSE),
    "resume_broadcast": _steer(Move.RESUME),
    "cancel_broadcast": _steer(Move.CANCEL),
    "broadcast_status": _status,
    "list_broadcasts": _list,
}


@blueprint.post("/functions/v1/broadcast_messaging_service")
@blueprint.doc(
    **call(
        shows={202: "Acceptance", 200: ("Campaign", "Campaigns", "Steered")},
        asks=(shapes.SendAction, shapes.Steer, shapes.ListAction),
        examples={
            "send": {"action": "send_broadcast", **CAMPAIGN},
            "status": {"action": "broadcast_status", "campaignId": "campaign-123"},
            "pause": {"action": "pause_broadcast", "campaignId": "campaign-123"},
            "list": {"action": "list_broadcasts", "instanceId": "loja", "limit": 20},
        },
        conflicts=True,
    )
)
def broadcast_messaging_service() -> ResponseReturnValue:
    """Send, pause, resume, cancel, look at or list campaigns; `action` says which."""
    body = read_json(request)
    view = ACTIONS.get(body["action"]) if isinstance(body.get("action"), str) else None
    if view is None:
        raise Invalid(FieldError("/action", f"must be one of {', '.join(ACTIONS)}"))
    auth.need(scopes.ACTIONS[body["action"]])
    return view(body)


@blueprint.post("/queue/add-broadcast")
@blueprint.doc(**call(shows={202: "Acceptance"}, asks=shapes.Send, examples={"send": CAMPAIGN}, conflicts=True))
def add_broadcast() -> ResponseReturnValue:
    """Accept a campaign; the same as `send_broadcast`, for callers inside the server."""
    return _send(read_json(request))


@blueprint.get("/broadcast-status/<campaign>")
@blueprint.doc(**call(shows={200: "Campaign"}))
def broadcast_status(campaign: str) -> ResponseReturnValue:
    """A campaign's state, tally, rate and expected finish."""
    return jsonify(asking.status(campaign))
