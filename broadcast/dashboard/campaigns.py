"""Campaigns as pages: all of them, one of them, its contacts, and what a person may do with it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from flask import current_app, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from broadcast.api import answers, asking, auth, reports, shapes, streams
from broadcast.api.looks import DONE
from broadcast.api.scopes import ADMIN
from broadcast.dashboard import counting, refusing, rights, sheet, starting, wording
from broadcast.dashboard.blueprint import blueprint
from broadcast.dashboard.drawing import Drawing, drawn
from broadcast.domain.campaign import RETRIED_FROM, RULES, Move, Scope, State
from broadcast.domain.contact import OPEN, Status
from broadcast.engine import charting, searching
from broadcast.errors import Conflict, NotFound

#: A page's campaigns, and its contacts.
PER_PAGE = 20
CONTACTS_PER_PAGE = 50
#: A chart is shown for so many seconds, so that fifty who look cost what one does; and so many are kept.
CHART_S = 2.0
MOST_CHARTS = 200
#: What stands in no number, and how many characters one has at the most.
_NO_NUMBER = re.compile(r"[^0-9\s()+.-]")
MOST_WRITTEN = 32

#: deed in the address -> what it does to a campaign
DEEDS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "start": asking.start,
    "pause": lambda campaign: asking.steer(campaign, Move.PAUSE),
    "resume": lambda campaign: asking.steer(campaign, Move.RESUME),
    "cancel": lambda campaign: asking.steer(campaign, Move.CANCEL),
    "retry-failed": lambda campaign: asking.retry(campaign, Scope.FAILED),
    "retry-unconfirmed": lambda campaign: asking.retry(campaign, Scope.UNCONFIRMED),
}
#: where they are done
DEED = "/campaigns/<campaign>/<any(start, pause, resume, cancel, 'retry-failed', 'retry-unconfirmed'):deed>"


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


@blueprint.get("/events")
def list_events() -> ResponseReturnValue:
    """The newest campaigns as it happens: the API's own stream."""
    return streams.campaigns()


def _query() -> dict[str, Any]:
    """Which campaigns; an empty choice of a form is none."""
    given = {name: value for name, value in request.args.items() if value and name in {"status", "instance", "cursor"}}
    return shapes.load(shapes.ListQuery(), {"limit": PER_PAGE, **given})


@blueprint.get("/campaigns/<campaign>")
def one(campaign: str) -> ResponseReturnValue:
    """One campaign: how it stands, and why it does not where it does not."""
    status = asking.status(campaign)
    return render_template(
        "dashboard/campaign.html",
        one=status,
        deeds=possible(status),
        may_remove=can_remove(status) and auth.caller().has_one_of(ADMIN),
        chart=_chart(status),
        **counting.counted(status),
    )


@blueprint.get("/campaigns/<campaign>/state.json")
def state(campaign: str) -> ResponseReturnValue:
    """How it stands, for a script that brings the page up to date; a page that is open is of one that was there."""
    try:
        return jsonify(asking.status(campaign))
    except NotFound:
        return jsonify(removed=True), 404  # said in words: a proxy may have a 404 of its own


@blueprint.get("/campaigns/<campaign>/events")
def events(campaign: str) -> ResponseReturnValue:
    """The same as it happens: the API's own stream, for who has a session instead of a key to present."""
    asking.instance_of(campaign)
    return streams.campaign(campaign)


@blueprint.get("/campaigns/<campaign>/report.csv")
def report(campaign: str) -> ResponseReturnValue:
    """What became of each contact, as an Excel of the reader's language opens it, and in that language."""
    return reports.stream(campaign, sheet.translated())


@blueprint.get("/campaigns/<campaign>/chart")
def chart(campaign: str) -> ResponseReturnValue:
    """The figures, the chart and the reasons alone, for a script that puts them in the place of older ones."""
    status = asking.status(campaign)
    return render_template("dashboard/_aside.html", one=status, chart=_chart(status), **counting.counted(status))


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


def possible(status: Mapping[str, Any]) -> list[str]:
    """What a person may do now, by the rules that the engine goes by; the likeliest first."""
    state = State(status["status"])
    if status["holdReason"] == "open":  # it is started or cancelled, and nothing else
        return ["start", "cancel"] if status["counts"]["pending"] else ["cancel"]
    moves = [move.value for move, rule in RULES.items() if state in rule.from_]
    can_retry = state in RETRIED_FROM
    return moves + [f"retry-{scope.value}" for scope in Scope if can_retry and status["counts"][scope.value]]


def can_remove(status: Mapping[str, Any]) -> bool:
    """Whether the campaign is over, and nothing of it is on its way."""
    return State(status["status"]) in DONE and not any(status["counts"][one.value] for one in OPEN)


@blueprint.get("/campaigns/<campaign>/remove")
def confirm_remove(campaign: str) -> ResponseReturnValue:
    """Ask whether they mean it, and say what is removed and what stays."""
    if not can_remove(asking.status(campaign)):
        return _not_over(campaign)
    back = url_for("dashboard.one", campaign=campaign)
    return render_template(
        "dashboard/confirm.html",
        title=gettext("Remove for good"),
        question=wording.question("remove"),
        points=_removal(),
        what=campaign,
        is_final=True,
        back=back,
    )


@blueprint.post("/campaigns/<campaign>/remove")
def remove(campaign: str) -> ResponseReturnValue:
    """Remove it; where it is not over, its page says so."""
    try:
        asking.remove(campaign)
    except Conflict:
        return _not_over(campaign)
    flash(gettext("%(campaign)s is removed. Its contacts are erased within minutes.", campaign=campaign))
    return redirect(url_for("dashboard.list_campaigns"), 303)


def _removal() -> list[tuple[str, str]]:
    """What becomes of what with a campaign that is removed."""
    return [
        (
            gettext("Is removed"),
            gettext(
                "The message, the contacts with all that is known of each, the report, the chart, and what the CRM "
                "was told. Download the report first if you need it. Previews go by themselves within 15 minutes."
            ),
        ),
        (
            gettext("Stays"),
            gettext("The list of opt-outs: who wants no messages gets none from other campaigns either."),
        ),
        (
            gettext("Mind the name"),
            gettext("It is free again: a campaign of this name would be a new one, and send to everybody anew."),
        ),
    ]


def _not_over(campaign: str) -> ResponseReturnValue:
    flash(gettext("It cannot be removed yet: cancel it first, or wait for what is on its way."), "danger")
    return redirect(url_for("dashboard.one", campaign=campaign), 303)


@blueprint.get(DEED)
def confirm(campaign: str, deed: str) -> ResponseReturnValue:
    """Ask whether they mean it; where it cannot be done, its page says so."""
    status = asking.status(campaign)
    if deed not in possible(status):
        return _cannot_be(campaign, status["status"])
    if deed == "start":
        return starting.show(status)
    return render_template(
        "dashboard/confirm.html",
        title=wording.deed(deed),
        question=wording.question(deed),
        whom=wording.whom(deed, status["counts"]),
        what=campaign,
        is_final=deed == "cancel",
        back=rights.page_of(campaign),
    )


@blueprint.post(DEED)
def do(campaign: str, deed: str) -> ResponseReturnValue:
    """Do it, and show what came of it, or that it cannot be done."""
    try:
        flash(wording.done(deed, DEEDS[deed](campaign)))
    except Conflict as error:
        flash(refusing.refusal(str(error)), "danger")
    return redirect(rights.page_of(campaign), 303)


def _cannot_be(campaign: str, state: str) -> ResponseReturnValue:
    said = gettext(
        "Campaign %(name)s is %(state)s: this cannot be done with it.", name=campaign, state=wording.STATES[state]
    )
    flash(said, "danger")
    return redirect(rights.page_of(campaign), 303)


@blueprint.get("/campaigns/<campaign>/contacts")
def contacts(campaign: str) -> ResponseReturnValue:
    """Some of its contacts: those of a status, and of these those whose number it is, or in whose number it is."""
    given = {name: value for name, value in request.args.items() if value and name in {"status", "reason", "cursor"}}
    asked = shapes.load(shapes.ContactsQuery(), {"limit": CONTACTS_PER_PAGE, **given})
    query = {name: asked[name] for name in ("status", "reason", "limit", "cursor")}
    wanted = request.args.get("number", "").strip()
    number = _NO_NUMBER.sub("", wanted).strip()[:MOST_WRITTEN]
    number = number if any(map(str.isdecimal, number)) else ""
    wrong = "" if number else wanted[:64]
    found = _found(campaign, number, asked) if number else asking.contacts(campaign, **query)
    return render_template(
        "dashboard/contacts.html",
        campaign=campaign,
        page={"contacts": [], "nextCursor": None} if wrong else found,  # all would look like those that are meant
        query=query,
        number=number,
        wrong=wrong,
        statuses=list(Status),
    )


def _found(campaign: str, number: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    asking.instance_of(campaign)
    chosen = {name: asked[name] for name in ("status", "reason", "cursor")}
    country = asking.services().settings.default_country
    found = searching.search(asking.services().store, campaign, number, country=country, **chosen)
    return {"contacts": [answers.contact(view) for view in found.items], "nextCursor": found.next_cursor}
