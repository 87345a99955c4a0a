"""A new campaign: a form, a look at what it would do, and only then the start."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from broadcast.api import asking, auth, shapes
from broadcast.dashboard import refusing, rights, templating, wording
from broadcast.dashboard.blueprint import blueprint
from broadcast.dashboard.forms import NewCampaign, body_of, contacts_of, form_data, fresh_name, show_problems
from broadcast.domain.content import Kind
from broadcast.errors import Conflict, Forbidden, Invalid, NotFound

#: A campaign that was looked at can be started for so long. It has people's numbers and names in it, which nothing that
#: forgets a person looks for here: no longer than it takes to read a preview.
KEEP_DRAFT_S = 900
#: So many instances are offered; any other can be typed.
OFFERED = 100


@blueprint.get("/new")
def new() -> ResponseReturnValue:
    """The form, empty, or as it was when somebody goes back to correct it."""
    token = request.args.get("draft", "")
    if not token:
        return _show(NewCampaign(data={"campaign": fresh_name(), "instance": _instance()}))
    body = _draft(token)
    return _show(NewCampaign(data=form_data(body, zone=_zone())), draft=token, kept=len(body.get("contacts", ())))


@blueprint.post("/new")
def preview() -> ResponseReturnValue:
    """Find out what it would do; keep that, so that it can be looked at and started, and lead there."""
    form, token = NewCampaign(), request.form.get("draft", "")
    _offer(form)
    chosen = _Chosen(token, _kept(token) if token else {})
    is_whole, body = form.validate(), {}
    try:
        chosen = _chosen(form, chosen)
        if not is_whole:
            return chosen.again(form), 422
        # Who says that they come in several files means none of those that were kept.
        body = body_of(form, zone=_zone(), contacts=chosen.new if form.is_open.data else chosen.contacts)
        shown = asking.preview({**body, "campaignId": body["campaignId"] or None})
        if not body["campaignId"]:
            raise Invalid(*wording.missing_name())
    except Forbidden as error:
        form.instance.errors = [refusing.refusal(str(error))]
        return chosen.again(form), 403
    except Invalid as error:
        problems = show_problems(form, error.errors, body, rows=chosen.read.get("rows", ()))
        if any(problem.pointer.startswith("/contacts") for problem in error.errors):
            chosen = chosen.without_new()
        return chosen.again(form, problems), 422
    return redirect(url_for("dashboard.previewed", draft=_keep(body, chosen.read, shown)), 303)


@dataclass(frozen=True)
class _Chosen:
    """The contacts of a form: those kept under its token, or `new` ones of a file or the field in their stead."""

    token: str
    before: Mapping[str, Any]
    new: Sequence[Any] = ()
    new_read: Mapping[str, Any] = field(default_factory=dict)
    is_file: bool = False

    @property
    def contacts(self) -> Sequence[Any]:
        return self.new or self.before.get("body", {}).get("contacts", [])

    @property
    def read(self) -> Mapping[str, Any]:
        """How their list was read."""
        return self.new_read if self.new else self.before.get("read", {})

    def without_new(self) -> _Chosen:
        """Those that were kept alone."""
        return _Chosen(self.token, self.before)

    def again(self, form: NewCampaign, problems: list[str] | None = None) -> str:
        """The form, to be corrected. A browser would have its file chosen again, so its contacts are kept."""
        if not self.is_file:
            return _show(form, problems=problems, draft=self.token, kept=len(self.without_new().contacts))
        token = _keep({"contacts": self.new}, self.new_read, None)
        return _show(form, problems=problems, draft=token, kept=len(self.new))


def _chosen(form: NewCampaign, kept: _Chosen) -> _Chosen:
    """What the form has, or else what was kept. Raises Invalid."""
    contacts, read = contacts_of(form, most=shapes.MOST_CONTACTS)
    return replace(kept, new=contacts, new_read=read, is_file=bool(contacts and form.file.data))


def _keep(body: Mapping[str, Any], read: Mapping[str, Any], shown: Mapping[str, Any] | None) -> str:
    """Keep what may be started once it was `shown`; return the token."""
    token = secrets.token_urlsafe(16)
    owned = {"owner": auth.caller().name, "body": body, "read": read, "shown": shown}
    asking.services().store.desk.keep_draft(token, json.dumps(owned), keep_s=KEEP_DRAFT_S)
    return token


@blueprint.get("/new/<draft>")
def previewed(draft: str) -> ResponseReturnValue:
    """Show it. To an address of its own, a browser can come back, after the start as well."""
    kept = _kept(draft)
    if not kept["shown"]:  # a list whose form is still to be corrected
        return redirect(url_for("dashboard.new", draft=draft), 303)
    return render_template("dashboard/preview.html", draft=draft, **kept)


@blueprint.post("/new/<draft>/start")
def start(draft: str) -> ResponseReturnValue:
    """Start what was shown. Doing it twice is doing it once."""
    kept = _kept(draft)
    if not kept["shown"]:
        return redirect(url_for("dashboard.new", draft=draft), 303)
    body = kept["body"]
    try:
        asking.accept(body)
    except Conflict:
        flash(gettext("There is another campaign of this name already. Choose another name."), "danger")
        return redirect(url_for("dashboard.new", draft=draft), 303)
    asking.services().store.desk.change_draft(draft, json.dumps({**kept, "is_started": True}))
    campaign = body["campaignId"]
    if body.get("open"):
        return redirect(url_for("dashboard.audience", campaign=campaign), 303)
    if not rights.may_see("one"):
        flash(gettext("%(campaign)s is accepted. How it goes is shown to keys that may read.", campaign=campaign))
    return redirect(rights.page_of(campaign), 303)


def _draft(token: str) -> dict[str, Any]:
    """The request that was kept under the token for this caller. Raises NotFound."""
    body: dict[str, Any] = _kept(token)["body"]
    return body


def _kept(token: str) -> dict[str, Any]:
    """The same, how its list was read, what was shown of it, and whether it was started. Raises NotFound."""
    text = asking.services().store.desk.draft(token)
    found: dict[str, Any] = json.loads(text) if text else {}
    if found.get("owner") != auth.caller().name:
        raise NotFound(gettext("A preview is kept for 15 minutes, and this one is gone. Fill in the form again."))
    return found


def _show(form: NewCampaign, *, problems: list[str] | None = None, draft: str = "", kept: int = 0) -> str:
    _offer(form)
    return render_template(
        "dashboard/new.html", form=form, problems=problems or [], draft=draft, kept=kept, instances=_instances()
    )


def _instances() -> list[str]:
    return [name for name in asking.services().store.lanes.instances() if auth.caller().may_use(name)][:OFFERED]


def _instance() -> str | None:
    """The one that was asked for, or the only one that there is."""
    names = _instances()
    return request.args.get("instance") or (names[0] if len(names) == 1 else None)


def _offer(form: NewCampaign) -> None:
    """The choices, in the language of this request."""
    form.kind.choices = [(kind.value, wording.kind(kind.value)) for kind in Kind]
    templating.offer(form)
    form.priority.choices = [(name, wording.priority(name)) for name in shapes.PRIORITIES]


def _zone() -> str:
    return asking.services().settings.default_time_zone
