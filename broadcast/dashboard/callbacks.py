"""What the CRM was told, as pages: whose callbacks go wrong, what became of each, and another try for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext, lazy_pgettext, ngettext

from broadcast.api import asking, shapes
from broadcast.api import callbacks as calling
from broadcast.dashboard import formats
from broadcast.dashboard.blueprint import blueprint
from broadcast.domain.callback import Delivery, News

_ = lazy_gettext

#: A page's callbacks, and so many campaigns are looked at for one.
PER_PAGE = 50
CAMPAIGNS_PER_PAGE = 30

#: what a callback tells
NEWS: Mapping[str, Any] = {
    News.STARTED.value: _("campaign started"),
    News.PROGRESS.value: _("campaign's progress"),
    News.PAUSED.value: _("campaign paused"),
    News.RESUMED.value: _("campaign resumed"),
    News.COMPLETED.value: _("campaign completed"),
    News.CANCELLED.value: _("campaign cancelled"),
    News.CONTACT_FAILED.value: _("contact failed"),
    News.CONTACT_UNCONFIRMED.value: _("contact unconfirmed"),
}
#: what became of it
DELIVERIES: Mapping[str, Any] = {
    Delivery.WAITING.value: lazy_pgettext("callback", "waiting"),
    Delivery.DELIVERED.value: lazy_pgettext("callback", "delivered"),
    Delivery.FAILED.value: lazy_pgettext("callback", "given up"),
}
#: what a `lastError` begins with -> the same for people
TROUBLES: Mapping[str, Any] = {
    "name_unknown": _("the CRM's host has no address"),
    "address_refused": _("the address is on this host or in a private network, where callbacks may not go"),
    "unreachable": _("the CRM could not be reached"),
    "connection_lost": _("the CRM hung up"),
    "timeout": _("the CRM did not answer in time"),
    "tls_failed": _("the CRM's certificate is not valid for its host"),
    "unsigned": _("CALLBACK_SECRET is not set"),
    "internal": _("a fault of ours; the log has it"),
}


@blueprint.get("/callbacks")
def callbacks() -> ResponseReturnValue:
    """One campaign's callbacks, newest first; or, where none is named, the campaigns that have any."""
    given = {name: value.strip() for name, value in request.args.items() if value.strip()}
    campaign = given.pop("campaign", None)
    if campaign is None:
        return _overview(given.get("cursor"))
    chosen = {name: value for name, value in given.items() if name in {"status", "cursor"}}
    query = shapes.load(shapes.CallbacksQuery(), {"limit": PER_PAGE, **chosen})
    return render_template(
        "dashboard/callbacks.html",
        campaign=campaign,
        page=calling.look(campaign, query),
        chosen=query["status"],
        deliveries=DELIVERIES,
        news=NEWS,
        trouble=trouble,
    )


@blueprint.get("/callbacks/failed")
def failed_callbacks() -> ResponseReturnValue:
    """Those of all campaigns that were given up, newest first."""
    chosen = {"limit": PER_PAGE, "cursor": request.args.get("cursor") or None}
    page = calling.look_at_failed(shapes.load(shapes.FailedCallbacksQuery(), chosen))
    return render_template("dashboard/given_up.html", page=page, deliveries=DELIVERIES, news=NEWS, trouble=trouble)


def _overview(cursor: str | None) -> str:
    """The newest campaigns that have callbacks; the next page is of older ones."""
    found = asking.page(status=None, instance=None, limit=CAMPAIGNS_PER_PAGE, cursor=cursor)
    names = [one["campaignId"] for one in found["campaigns"]]
    standings = zip(names, asking.services().store.callbacks.standings(names), strict=True)
    shown = [(name, standing) for name, standing in standings if standing is not None]
    return render_template("dashboard/called.html", campaigns=shown, next_cursor=found["nextCursor"])


@blueprint.get("/campaigns/<campaign>/callbacks/replay")
def confirm_replay(campaign: str) -> ResponseReturnValue:
    """Ask whether they mean it."""
    asking.instance_of(campaign)
    return render_template(
        "dashboard/confirm.html",
        title=gettext("Deliver what was given up again"),
        question=gettext(
            "Each goes under the same id as before, so a CRM that heeds ids takes none twice. Callbacks that the CRM "
            "had switched off are on again."
        ),
        what=campaign,
        is_final=False,
        back=_page(campaign),
    )


@blueprint.post("/campaigns/<campaign>/callbacks/replay")
def replay_callbacks(campaign: str) -> ResponseReturnValue:
    """Deliver again all that were given up."""
    return _replay(campaign, None)


@blueprint.post("/campaigns/<campaign>/callbacks/<event>/replay")
def replay_callback(campaign: str, event: str) -> ResponseReturnValue:
    """Deliver one again."""
    return _replay(campaign, event)


def _replay(campaign: str, event: str | None) -> ResponseReturnValue:
    count = calling.replay(campaign, event=event)["queued"]
    said = ngettext(
        "%(count)s callback is delivered again.",
        "%(count)s callbacks are delivered again.",
        count,
        count=formats.number(count),
    )
    flash(said if count else gettext("There was nothing to deliver again."))
    return redirect(_page(campaign), 303)


def _page(campaign: str) -> str:
    return url_for("dashboard.callbacks", campaign=campaign)


def trouble(error: str) -> str:
    """What kept an answer from coming, for people; what has no words here as it is."""
    return str(TROUBLES.get(error.partition(":")[0], error))
