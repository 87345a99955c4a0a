"""One person's data as pages: which campaigns had them and what became of it, and their removal.

Numbers travel in forms, never in addresses, which browsers and proxies write down: a page about somebody has a token.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from broadcast.api import answers, auth
from broadcast.api.asking import services
from broadcast.api.people import forget_person
from broadcast.api.scopes import ADMIN
from broadcast.dashboard import handing
from broadcast.dashboard.blueprint import blueprint
from broadcast.domain.phone import normalise
from broadcast.engine import tracing
from broadcast.errors import Forbidden

#: A page about somebody can be loaded again for so long.
KEEP_S = 900


@blueprint.get("/people")
def people() -> ResponseReturnValue:
    """A form that asks whom."""
    return render_template("dashboard/people.html", phone="")


@blueprint.post("/people")
def find_person() -> ResponseReturnValue:
    """Lead to the page about the person."""
    said = request.form.get("phone", "").strip()[:64]
    digits = normalise(said, country=services().settings.default_country)
    if digits is None:
        problem = gettext("This cannot be a phone number.")
        return render_template("dashboard/people.html", phone=said, problem=problem), 422
    token = handing.hand({"phone": digits}, keep_s=KEEP_S)
    return redirect(url_for("dashboard.person", note=token), 303)


@blueprint.get("/people/<note>")
def person(note: str) -> ResponseReturnValue:
    """Where the person is, in the campaigns that the caller may see."""
    digits = _digits(note)
    if digits is None:
        return _gone()
    country, instances = services().settings.default_country, auth.caller().instances
    cursor = request.args.get("cursor") or None
    found = tracing.trace(services().store, f"+{digits}", country=country, instances=instances, cursor=cursor)
    return render_template(
        "dashboard/person.html",
        note=note,
        phone=found.phone,
        traces=[(trace, answers.contact(trace.contact), answers.rfc3339(trace.created_ms)) for trace in found.items],
        is_suppressed=found.is_suppressed,
        cursor=found.next_cursor,
        may_forget=_may_forget(),
    )


@blueprint.get("/people/<note>/forget")
def confirm_forgetting(note: str) -> ResponseReturnValue:
    """Say what is removed, and what stays, and ask whether they mean it."""
    if not _may_forget():
        raise Forbidden(gettext("A person may be in campaigns of any instance: it takes a key for all of them."))
    digits = _digits(note)
    if digits is None:
        return _gone()
    has_opted_out = tracing.has_opted_out(services().store, digits)
    return render_template("dashboard/forget.html", note=note, phone=digits, is_suppressed=has_opted_out)


@blueprint.post("/people/<note>/forget")
def forget_person_now(note: str) -> ResponseReturnValue:
    """Begin to remove it, the number that this page was told included."""
    digits = _digits(note)
    if digits is None:
        return _gone()
    masked = forget_person(f"+{digits}")
    handing.take(note)
    flash(gettext("The data of %(phone)s are being deleted. It is done within minutes.", phone=masked))
    return redirect(url_for("dashboard.people"), 303)


def _digits(note: str) -> str | None:
    """The number that the page is about, while it is kept for this session."""
    found = handing.look(note)
    return found["phone"] if found else None


def _gone() -> ResponseReturnValue:
    flash(
        gettext("A page about somebody is kept for 15 minutes, and this one is gone. Write the number again."), "danger"
    )
    return redirect(url_for("dashboard.people"), 303)


def _may_forget() -> bool:
    return auth.caller().instances is None and auth.caller().has_one_of(ADMIN)
