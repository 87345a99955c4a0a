"""Campaigns as resources: listed, looked at, steered."""

from __future__ import annotations

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from broadcast.api import asking, audiences, reports, shapes, streams
from broadcast.api.body import read_json
from broadcast.api.describing import call
from broadcast.api.shown import CAMPAIGN
from broadcast.api.streams import EVENTS
from broadcast.domain.campaign import Move

blueprint = Blueprint("campaigns", __name__, url_prefix="/campaigns", description="Campaigns")

STEERED = call(shows={200: "Steered"}, conflicts=True)


@blueprint.get("")
@blueprint.doc(**call(shows={200: "Campaigns"}, query=shapes.ListQuery))
def list_campaigns() -> ResponseReturnValue:
    """A page of campaigns, newest first; `status`, `instance`, `limit` and `cursor` choose."""
    return jsonify(asking.page(**shapes.load_query(shapes.ListQuery(), request.args)))


@blueprint.post("/preview")
@blueprint.doc(**call(shows={200: "Previewed"}, asks=shapes.Preview, examples={"campaign": CAMPAIGN}))
def preview() -> ResponseReturnValue:
    """Look at a campaign before it is sent: who is left out and why, some messages as they read, and the finish."""
    return jsonify(asking.preview(read_json(request)))


@blueprint.get("/events")
@blueprint.doc(responses=EVENTS)
def list_events() -> ResponseReturnValue:
    """Server-sent events of the newest campaigns: all of them first, then those that change."""
    return streams.campaigns()


@blueprint.get("/<campaign>/events")
@blueprint.doc(responses={**EVENTS, "204": {"description": "The end was seen, and nothing is new"}})
def events(campaign: str) -> ResponseReturnValue:
    """Server-sent events of one campaign, each its whole status; `Last-Event-ID` resumes."""
    asking.instance_of(campaign)
    return streams.campaign(campaign)


@blueprint.get("/<campaign>")
@blueprint.doc(**call(shows={200: "Campaign"}))
def one(campaign: str) -> ResponseReturnValue:
    """One campaign as it stands now."""
    return jsonify(asking.status(campaign))


@blueprint.delete("/<campaign>")
@blueprint.doc(**call(shows={202: "Removing"}, conflicts=True))
def remove(campaign: str) -> ResponseReturnValue:
    """Remove a campaign that is completed or cancelled, and all that is known of its contacts."""
    return jsonify(asking.remove(campaign)), 202


@blueprint.post("/<campaign>/pause")
@blueprint.doc(**STEERED)
def pause(campaign: str) -> ResponseReturnValue:
    """Nothing more leaves; `onTheWire` requests may still arrive."""
    return jsonify(asking.steer(campaign, Move.PAUSE))


@blueprint.post("/<campaign>/resume")
@blueprint.doc(**STEERED)
def resume(campaign: str) -> ResponseReturnValue:
    """Go on at the pace, without catching up."""
    return jsonify(asking.steer(campaign, Move.RESUME))


@blueprint.post("/<campaign>/cancel")
@blueprint.doc(**STEERED)
def cancel(campaign: str) -> ResponseReturnValue:
    """Nothing more leaves, for good."""
    return jsonify(asking.steer(campaign, Move.CANCEL))


@blueprint.post("/<campaign>/retry")
@blueprint.doc(
    **call(shows={202: "Retried"}, asks=shapes.Retry, examples={"failed": {"scope": "failed"}}, conflicts=True)
)
def retry(campaign: str) -> ResponseReturnValue:
    """Send again to those of a `scope`: `failed` or `unconfirmed`. Opt-outs and the instance are looked at anew."""
    scope = shapes.load(shapes.Retry(), read_json(request))["scope"]
    return jsonify(asking.retry(campaign, scope)), 202


@blueprint.get("/<campaign>/contacts")
@blueprint.doc(**call(shows={200: "Contacts"}, query=shapes.ContactsQuery, or_shows=reports.CSV))
def contacts(campaign: str) -> ResponseReturnValue:
    """What became of each contact, in their order; `status`, `reason`, `limit` and `cursor` choose. CSV has all."""
    wanted = shapes.load_query(shapes.ContactsQuery(), request.args)
    form, bom, separator = wanted.pop("format"), wanted.pop("bom") == "1", wanted.pop("separator")
    accepted = (
        "csv" if request.accept_mimetypes.best_match(["application/json", reports.CSV]) == reports.CSV else "json"
    )
    if (form or accepted) == "json":
        return jsonify(asking.contacts(campaign, **wanted))
    sheet = reports.plain(bom=bom, separator=separator)
    return reports.stream(campaign, sheet, status=wanted["status"], reason=wanted["reason"])


@blueprint.post("/<campaign>/contacts")
@blueprint.doc(**audiences.DESCRIBED)
def add_contacts(campaign: str) -> ResponseReturnValue:
    """Add a `chunk` of contacts to an open campaign: JSON, NDJSON or CSV. The same chunk twice is added once."""
    return jsonify(audiences.add(campaign, request))


@blueprint.get("/<campaign>/preview")
@blueprint.doc(**call(shows={200: "Previewed"}, conflicts=True))
def preview_open(campaign: str) -> ResponseReturnValue:
    """Look at an open campaign before it is started: the same, by its counts and the first of its contacts."""
    return jsonify(asking.preview_open(campaign))


@blueprint.post("/<campaign>/start")
@blueprint.doc(**call(shows={200: "Started"}, conflicts=True))
def start(campaign: str) -> ResponseReturnValue:
    """Start an open campaign; from then on no contacts are added."""
    return jsonify(asking.start(campaign))


@blueprint.get("/<campaign>/summary")
@blueprint.doc(**call(shows={200: "Summary"}))
def summary(campaign: str) -> ResponseReturnValue:
    """Delivery and read rates, reasons ranked, and the pacing certificate."""
    return jsonify(asking.summary(campaign))
