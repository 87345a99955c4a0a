"""Campaigns as pages: all of them, one of them, its contacts, and what a person may do with it."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from flask import current_app, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from broadcast.api import answers, asking, reports, shapes, streams
from broadcast.dashboard import wording
from broadcast.dashboard.blueprint import blueprint
from broadcast.dashboard.drawing import Drawing, drawn
from broadcast.domain.campaign import RETRIED_FROM, RULES, Move, Scope, State
from broadcast.domain.contact import Status
from broadcast.engine import charting, searching, telling

#: A page's campaigns, and its contacts.
PER_PAGE = 20
CONTACTS_PER_PAGE = 50
#: So many failed contacts are looked at for the ranking of reasons.
RANKED = 1000

#: A chart is shown for so many seconds, so that fifty who look cost what one does; and so many are kept.
CHART_S = 2.0
MOST_CHARTS = 200

#: deed in the address -> what it does to a campaign
DEEDS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "pause": lambda campaign: asking.steer(campaign, Move.PAUSE),
    "resume": lambda campaign: asking.steer(campaign, Move.RESUME),
    "cancel": lambda campaign: asking.steer(campaign, Move.CANCEL),
    "retry-failed": lambda campaign: asking.retry(campaign, Scope.FAILED),
    "retry-unconfirmed": lambda campaign: asking.retry(campaign, Scope.UNCONFIRMED),
}


@blueprint.get("")
def list_campaigns() -> ResponseReturnValue:
    """The campaigns, newest first."""
    query = _query()
    found = asking.page(**query)
    return render_template("dashboard/campaigns.html", page=found, query=query, states=list(State))


@blueprint.get("/state.json")
def list_state() -> ResponseReturnValue:
    """The same for a script that brings the page up to date."""
    return jsonify(asking.page(**_query()))


def _query() -> dict[str, Any]:
    """Which campaigns; an empty choice of a form is none."""
    given = {name: value for name, value in request.args.items() if value and name in {"status", "instance", "cursor"}}
    return shapes.load(shapes.ListQuery(), {"limit": PER_PAGE, **given})


@blueprint.get("/campaigns/<campaign>")
def one(campaign: str) -> ResponseReturnValue:
    """One campaign: how it stands, and why it does not where it does not."""
    status = asking.status(campaign)
    return render_template(
        "dashboard/campaign.html", one=status, deeds=possible(status), chart=_chart(status), reasons=_reasons(status)
    )


@blueprint.get("/campaigns/<campaign>/state.json")
def state(campaign: str) -> ResponseReturnValue:
    """How it stands, for a script that brings the page up to date."""
    return jsonify(asking.status(campaign))


@blueprint.get("/campaigns/<campaign>/events")
def events(campaign: str) -> ResponseReturnValue:
    """The same as it happens: the API's own stream, for who has a session instead of a key to present."""
    asking.instance_of(campaign)
    return streams.campaign(campaign)


@blueprint.get("/campaigns/<campaign>/report.csv")
def report(campaign: str) -> ResponseReturnValue:
    """What became of each contact, as a Brazilian Excel opens it."""
    return reports.stream(campaign, status=None, reason=None, bom=True, separator=";")


@blueprint.get("/campaigns/<campaign>/chart")
def chart(campaign: str) -> ResponseReturnValue:
    """The chart and the reasons alone, for a script that puts them in the place of older ones."""
    status = asking.status(campaign)
    return render_template("dashboard/_aside.html", one=status, chart=_chart(status), reasons=_reasons(status))


def _chart(status: Mapping[str, Any]) -> Drawing | None:
    """The chart as this process drew it a moment ago, or anew."""
    charts: dict[str, tuple[Drawing | None, float]] = current_app.extensions["charts"]
    campaign, now = status["campaignId"], time.monotonic()
    drawing, until = charts.get(campaign, (None, 0.0))
    if now >= until:
        found = charting.chart(asking.services().store, campaign, total=status["total"])
        drawing = drawn(found) if found else None
        if len(charts) >= MOST_CHARTS:
            charts.clear()
        charts[campaign] = drawing, now + CHART_S
    return drawing


def _reasons(status: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Why contacts failed, the most frequent reason first, of the first thousand that did."""
    if not status["counts"]["failed"]:
        return []
    store = asking.services().store
    found = telling.contacts(store, status["campaignId"], status=Status.FAILED, limit=RANKED, cursor=None)
    return Counter(view.reason or "unknown" for view in found.items).most_common(10)


def possible(status: Mapping[str, Any]) -> list[str]:
    """What a person may do now, by the rules that the engine goes by; the likeliest first."""
    state = State(status["status"])
    moves = [move.value for move, rule in RULES.items() if state in rule.from_]
    can_retry = state in RETRIED_FROM
    return moves + [f"retry-{scope.value}" for scope in Scope if can_retry and status["counts"][scope.value]]


@blueprint.get("/campaigns/<campaign>/<any(pause, resume, cancel, 'retry-failed', 'retry-unconfirmed'):deed>")
def confirm(campaign: str, deed: str) -> ResponseReturnValue:
    """Ask whether they mean it."""
    asking.instance_of(campaign)
    return render_template(
        "dashboard/confirm.html",
        title=wording.deed(deed),
        question=wording.question(deed),
        what=campaign,
        is_final=deed == "cancel",
        back=url_for("dashboard.one", campaign=campaign),
    )


@blueprint.post("/campaigns/<campaign>/<any(pause, resume, cancel, 'retry-failed', 'retry-unconfirmed'):deed>")
def do(campaign: str, deed: str) -> ResponseReturnValue:
    """Do it, and show what came of it."""
    flash(wording.done(deed, DEEDS[deed](campaign)))
    return redirect(url_for("dashboard.one", campaign=campaign), 303)


@blueprint.get("/campaigns/<campaign>/contacts")
def contacts(campaign: str) -> ResponseReturnValue:
    """Some of its contacts: those of a status, or those in whose number the digits are."""
    given = {name: value for name, value in request.args.items() if value and name in {"status", "reason", "cursor"}}
    asked = shapes.load(shapes.ContactsQuery(), {"limit": CONTACTS_PER_PAGE, **given})
    query = {name: asked[name] for name in ("status", "reason", "limit", "cursor")}
    digits = re.sub(r"\D", "", request.args.get("number", ""))[:20]
    found = _found(campaign, digits, query["cursor"]) if digits else asking.contacts(campaign, **query)
    return render_template(
        "dashboard/contacts.html", campaign=campaign, page=found, query=query, digits=digits, statuses=list(Status)
    )


def _found(campaign: str, digits: str, cursor: str | None) -> dict[str, Any]:
    asking.instance_of(campaign)
    found = searching.search(asking.services().store, campaign, digits, cursor=cursor)
    return {"contacts": [answers.contact(view) for view in found.items], "nextCursor": found.next_cursor}
