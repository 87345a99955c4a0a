"""API keys as pages: listed, created, revoked. A secret is on the page that its creation leads to, once; nowhere else.

Whoever makes keys could do all that any of them can, so it takes the scope `admin` for every instance, and a key
that was presented: the first one is made on the command line, by whoever may read Redis anyway.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from flask import flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from broadcast.api import answers, auth, shapes
from broadcast.api.asking import services
from broadcast.dashboard import handing
from broadcast.dashboard.blueprint import blueprint
from broadcast.domain.caller import Caller, Key, Scope, is_key_name
from broadcast.engine import granting
from broadcast.errors import Conflict, Forbidden

_ = lazy_gettext
log = logging.getLogger(__name__)

#: scope -> what it is good for
SCOPES: Mapping[str, Any] = {
    Scope.READ.value: _("look at campaigns, contacts, instances and figures"),
    Scope.SEND.value: _("send campaigns, steer them and instances, add opt-outs"),
    Scope.ADMIN.value: _("everything: also register instances, take people off the opt-outs, make keys"),
}
#: What is chosen before anybody chose, as on the command line.
OFFERED = (Scope.READ.value, Scope.SEND.value)
#: A new secret waits so long for the page that shows it, which a browser asks for at once.
KEEP_SECRET_S = 60


@blueprint.get("/keys")
def list_keys() -> ResponseReturnValue:
    """The keys that were created, the newest first, and the names of those in the settings."""
    _check()
    return _show({"scopes": OFFERED}, {})


@blueprint.post("/keys")
def create_key() -> ResponseReturnValue:
    """Create a key, and lead to the page that shows its secret."""
    _check(to_change=True)
    given = {
        "name": request.form.get("name", "").strip(),
        "scopes": tuple(word for word in request.form.getlist("scopes") if word in SCOPES),
        "instances": request.form.get("instances", ""),
    }
    problems = _problems(given)
    if problems:
        return _show(given, problems), 422
    caller, of_settings = _caller(given), services().settings.key_names
    try:
        secret = granting.grant(services().store, caller, of_settings=of_settings)
    except Conflict:
        taken = gettext("There is a key of this name already: revoke it first, or take another name.")
        if caller.name in of_settings:
            taken = gettext("A key in API_KEYS has this name: take another one.")
        return _show(given, {"name": taken}), 409
    _tell("key created", caller.name)
    token = handing.hand({"secret": secret}, keep_s=KEEP_SECRET_S)
    return redirect(url_for("dashboard.created_key", name=caller.name, note=token), 303)


@blueprint.get("/keys/<name>/created/<note>")
def created_key(name: str, note: str) -> ResponseReturnValue:
    """Show a new key's secret this once; no answer of ours may be stored. After that, say that this was it."""
    _check(to_change=True)
    every = services().store.callers.every()
    key = next((key for key in every if key.caller.name == name and key.revoked_ms is None), None)
    found = handing.take(note)
    if key is None or found is None:
        return render_template("dashboard/shown.html", name=name, is_there=key is not None), 410
    return render_template("dashboard/key.html", secret=found["secret"], key=key.caller)


def _caller(given: Mapping[str, Any]) -> Caller:
    instances = frozenset(_lines(given["instances"]))
    scopes = frozenset(Scope(word) for word in given["scopes"])
    return Caller(name=given["name"], scopes=scopes, instances=instances or None)


def _problems(given: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with each field that is."""
    found = {}
    if not is_key_name(given["name"]):
        found["name"] = gettext("Use 1 to 64 letters, digits, and . _ @ -")
    if not given["scopes"]:
        found["scopes"] = gettext("Choose at least one.")
    wrong = [name for name in _lines(given["instances"]) if not shapes.is_name(name)]
    if wrong:
        found["instances"] = gettext("This cannot be an instance: %(name)s", name=wrong[0][:64])
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


@blueprint.get("/keys/<name>/revoke")
def confirm_revocation(name: str) -> ResponseReturnValue:
    """Ask whether they mean it."""
    _check(to_change=True)
    question = gettext("Whoever has it is refused everywhere within 5 seconds, for good. It cannot be undone.")
    if name == auth.caller().name and "created" in session:
        question = f"{question} {gettext('It is the key that you are logged in with: you will be out as well.')}"
    return render_template(
        "dashboard/confirm.html",
        title=gettext("Revoke the key"),
        question=question,
        what=name,
        is_final=True,
        back=url_for("dashboard.list_keys"),
    )


@blueprint.post("/keys/<name>/revoke")
def revoke_key(name: str) -> ResponseReturnValue:
    """Revoke it, for good."""
    _check(to_change=True)
    granting.revoke(services().store, name)
    _tell("key revoked", name)
    flash(gettext("The key %(name)s is revoked.", name=name))
    return redirect(url_for("dashboard.list_keys"), 303)


def _check(*, to_change: bool = False) -> None:
    """Raise Forbidden unless the caller may look at keys, or make and revoke them."""
    if auth.caller().instances is not None:
        raise Forbidden(gettext("Keys may be for any instance: only a key for all of them may look after them."))
    if to_change and auth.caller() is auth.ANYBODY:
        raise Forbidden(gettext("The first key is made on the command line: broadcast keys create."))


def _show(given: Mapping[str, Any], problems: Mapping[str, str]) -> str:
    every = sorted(services().store.callers.every(), key=lambda key: key.created_ms, reverse=True)
    return render_template(
        "dashboard/keys.html",
        keys=[_shown(key) for key in every if key.revoked_ms is None],
        revoked=[_shown(key) for key in every if key.revoked_ms is not None],
        of_settings=_of_settings(),
        scopes=SCOPES,
        given=given,
        problems=problems,
        may_change=auth.caller() is not auth.ANYBODY,
    )


def _of_settings() -> list[dict[str, Any]]:
    """The keys of the settings. Where calls are not counted, nobody notes when one is used."""
    settings = services().settings
    names = [key.name for key in settings.api_keys]
    used = services().store.callers.used(names) if settings.api_rate_limit is not None else {}
    return [{"name": key.name, "instances": key.instances, **_use(used.get(key.name))} for key in settings.api_keys]


def _use(used_ms: int | None) -> dict[str, Any]:
    return {"used": answers.rfc3339(used_ms or None), "is_unused": used_ms == 0}


def _shown(key: Key) -> dict[str, Any]:
    return {
        "name": key.caller.name,
        "scopes": [scope.value for scope in Scope if scope in key.caller.scopes],
        "instances": None if key.caller.instances is None else sorted(key.caller.instances),
        "created": answers.rfc3339(key.created_ms),
        "revoked": answers.rfc3339(key.revoked_ms),
        **_use(key.used_ms),
    }


def _tell(deed: str, name: str) -> None:
    who = {"action": "keys", "key": name, "caller": auth.caller().name, "request": g.get("request_id")}
    log.info(deed, extra=who)
