"""One person's data as pages: which campaigns had them and what became of it, and their removal.

Numbers travel in forms, never in addresses, which browsers and proxies write down.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from broadcast.api import answers, auth
from broadcast.api.asking import services
from broadcast.api.people import forget_person
from broadcast.api.scopes import ADMIN
from broadcast.dashboard.blueprint import blueprint
from broadcast.engine import tracing
from broadcast.engine.tracing import Traces
from broadcast.errors import Forbidden, Invalid


@blueprint.get("/people")
def people() -> ResponseReturnValue:
    """A form that asks whom."""
    return render_template("dashboard/people.html", phone="")


@blueprint.post("/people")
def find_person() -> ResponseReturnValue:
    """Where the person is, in the campaigns that the caller may see."""
    phone = _phone()
    try:
        found = _trace(phone, request.form.get("cursor") or None)
    except Invalid as error:
        if error.errors[0].pointer != "/phone":
            raise
        return render_template("dashboard/people.html", phone=phone, problem=_no_number()), 422
    return render_template(
        "dashboard/person.html",
        phone=found.phone,
        traces=[(trace, answers.contact(trace.contact), answers.rfc3339(trace.created_ms)) for trace in found.items],
        is_suppressed=found.is_suppressed,
        cursor=found.next_cursor,
        may_forget=_may_forget(),
    )


@blueprint.post("/people/confirm")
def confirm_forgetting() -> ResponseReturnValue:
    """Say what is removed, and what stays, and ask whether they mean it."""
    if not _may_forget():
        raise Forbidden(gettext("A person may be in campaigns of any instance: it takes a key for all of them."))
    found = _trace(_phone(), None)
    return render_template("dashboard/forget.html", phone=found.phone, is_suppressed=found.is_suppressed)


@blueprint.post("/people/forget")
def forget_person_now() -> ResponseReturnValue:
    """Begin to remove it."""
    masked = forget_person(_phone())
    flash(gettext("The data of %(phone)s are being deleted. It is done within minutes.", phone=masked))
    return redirect(url_for("dashboard.people"), 303)


def _trace(phone: str, cursor: str | None) -> Traces:
    country, instances = services().settings.default_country, auth.caller().instances
    return tracing.trace(services().store, phone, country=country, instances=instances, cursor=cursor)


def _may_forget() -> bool:
    return auth.caller().instances is None and auth.caller().has_one_of(ADMIN)


def _phone() -> str:
    return request.form.get("phone", "").strip()[:64]


def _no_number() -> str:
    return str(gettext("This cannot be a phone number."))
