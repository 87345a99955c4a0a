"""Logging in with an API key, logging out, and choosing a language."""

from __future__ import annotations

from urllib.parse import unquote

from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from broadcast.dashboard import rights
from broadcast.dashboard import session as sessions
from broadcast.dashboard.blueprint import blueprint
from broadcast.domain.caller import Caller
from broadcast.errors import TooMany, Unauthorized


@blueprint.get("/login")
def login() -> ResponseReturnValue:
    """The form; who needs none, or is in already, goes on."""
    holder = sessions.holder()
    if holder is not None:
        return redirect(_onward(holder))
    return _form()


@blueprint.post("/login")
def enter() -> ResponseReturnValue:
    """Take the key."""
    try:
        sessions.enter(request.form.get("key", "").strip())
    except Unauthorized:
        return _form(gettext("This key is not known.")), 401
    except TooMany as error:
        wait = {"Retry-After": str(error.retry_after_s)}
        return _form(gettext("Too many keys were tried from here. Wait a minute.")), 429, wait
    return redirect(_onward(sessions.holder()), 303)


def _form(problem: str = "") -> str:
    """Which says so where somebody sent another form, and their session was over."""
    is_unsent = "unsent" in request.values
    return render_template("dashboard/login.html", wanted=_next(), problem=problem, is_unsent=is_unsent)


@blueprint.post("/logout")
def leave() -> ResponseReturnValue:
    """Forget the key."""
    sessions.leave()
    return redirect(url_for("dashboard.login"), 303)


@blueprint.post("/language")
def language() -> ResponseReturnValue:
    """Keep the language that somebody chose, for as long as the session."""
    session["language"] = request.form.get("language", "")[:5]
    return redirect(_next(), 303)


def _onward(holder: Caller | None) -> str:
    """The same; whoever may not see the campaigns, and wanted nothing else, begins with what they may see."""
    wanted = _next()
    return rights.home(holder) if wanted == url_for("dashboard.list_campaigns") else wanted


def _next() -> str:
    """Where they wanted to go, on the dashboard and nowhere else."""
    wanted = request.values.get("next", "")
    home = url_for("dashboard.list_campaigns")
    is_ours = wanted == home or wanted.startswith((f"{home}/", f"{home}?"))
    return wanted if is_ours and _is_plain(wanted) else home


def _is_plain(address: str) -> bool:
    """Whether it leads where it says: no header can hold a line break, and `..` leads elsewhere."""
    path = unquote(address.partition("?")[0])
    return address.isprintable() and "\\" not in path and not {"..", "."} & set(path.split("/"))
