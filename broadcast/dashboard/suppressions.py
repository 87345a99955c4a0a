"""Who wants no more messages, as a page: shown, added to, taken off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext, lazy_pgettext, ngettext

from broadcast.api import answers, auth, shapes
from broadcast.api import suppressions as suppressing
from broadcast.api.asking import services
from broadcast.api.scopes import ADMIN
from broadcast.dashboard import formats
from broadcast.dashboard.blueprint import blueprint
from broadcast.domain.optout import Source
from broadcast.engine import optouts

_ = lazy_gettext

#: So many people are on a page.
PER_PAGE = 50
#: where an opt-out is known from -> the same for people, with an instance's name, …
SOURCES_AT: Mapping[Source, Any] = {
    Source.MESSAGE: _("message to %(instance)s"),
    Source.MENU: _("WhatsApp's menu, at %(instance)s"),
    Source.ANSWER: _("the gateway of %(instance)s"),
}
#: … and without one; what somebody else called it stays as it is
SOURCES: Mapping[str, Any] = {
    Source.MESSAGE.alone: _("a message"),
    Source.MENU.alone: _("WhatsApp's menu"),
    Source.ANSWER.alone: _("the gateway"),
    "dashboard": _("this page"),
    "import": lazy_pgettext("source", "a file"),
    "api": _("the API"),
}


@blueprint.get("/suppressions")
def list_suppressions() -> ResponseReturnValue:
    """A page of the list."""
    given = {name: value for name, value in request.args.items() if value and name == "cursor"}
    query = shapes.load(shapes.SuppressionsQuery(), {"limit": PER_PAGE, **given})
    found = optouts.page(services().store, limit=query["limit"], cursor=query["cursor"])
    shown = [answers.suppressed(one, auth.caller()) for one in found.items]
    may_remove = auth.caller().instances is None and auth.caller().has_one_of(ADMIN)
    return render_template(
        "dashboard/suppressions.html",
        people=shown,
        next_cursor=found.next_cursor,
        may_remove=may_remove,
        source=source,
    )


def source(text: str) -> str:
    """Where an opt-out is known from, for people; there may be several."""
    return ", ".join(map(_source, text.split(", ")))


def _source(one: str) -> str:
    for source_, said in SOURCES_AT.items():
        if one.startswith(source_.at("")):
            return str(said) % {"instance": one.removeprefix(source_.at(""))}
    return str(SOURCES.get(one, one))


@blueprint.post("/suppressions")
def add_suppressions() -> ResponseReturnValue:
    """Put one or more numbers on the list, one a line."""
    phones = [line.strip() for line in request.form.get("phones", "").splitlines() if line.strip()]
    if not phones:
        flash(gettext("Write at least one number."), "danger")
        return redirect(url_for("dashboard.list_suppressions"), 303)
    added = suppressing.add_phones({"phones": phones}, source="dashboard")
    count = added["added"]
    flash(ngettext("%(count)s number was added.", "%(count)s numbers were added.", count, count=formats.number(count)))
    if added["invalid"]:
        wrong = ", ".join(one["phone"] for one in added["invalid"][:5])
        flash(gettext("Not a phone number: %(wrong)s", wrong=wrong), "danger")
    return redirect(url_for("dashboard.list_suppressions"), 303)


@blueprint.get("/suppressions/<phone>/remove")
def confirm_removal(phone: str) -> ResponseReturnValue:
    """Ask whether they mean it, whoever may do it."""
    suppressing.may_take_off()
    return render_template(
        "dashboard/confirm.html",
        title=gettext("Take off the list"),
        question=gettext("Campaigns will send to this number again. Do so only if the person asked for it."),
        what=phone,
        is_final=True,
        back=url_for("dashboard.list_suppressions"),
    )


@blueprint.post("/suppressions/<phone>/remove")
def remove_suppression(phone: str) -> ResponseReturnValue:
    """Take somebody off the list."""
    suppressing.take_off(phone)
    flash(gettext("%(phone)s is off the list.", phone=phone))
    return redirect(url_for("dashboard.list_suppressions"), 303)
