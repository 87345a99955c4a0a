"""Putting the dashboard on an app: its languages, its forms' protection, its files, its headers, its errors."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from flask import Flask, Response, current_app, g, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import Babel
from flask_bootstrap import Bootstrap5
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException

from broadcast.api import auth
from broadcast.api.asking import services
from broadcast.api.errors import STATUSES
from broadcast.api.scopes import ADMIN, SEND
from broadcast.dashboard import (
    audience,
    callbacks,
    campaigns,
    composing,
    entering,
    instances,
    keys,
    people,
    refusing,
    registering,
    rights,
    suppressions,
    wording,
)
from broadcast.dashboard import session as sessions
from broadcast.dashboard.blueprint import blueprint
from broadcast.dashboard.problems import in_words
from broadcast.errors import BroadcastError, Invalid, TooMany, Unavailable
from broadcast.wiring import Services

log = logging.getLogger(__name__)

#: The pages, so that importing this module is enough to have them all.
PAGES = (audience, callbacks, campaigns, composing, entering, instances, keys, people, registering, suppressions)
#: language as a browser asks for it -> our catalogue; the first is for browsers that ask for neither
LANGUAGES: Mapping[str, str] = {"en": "en", "pt": "pt_BR"}
#: Nothing is loaded from elsewhere, nothing inline is run. Bootstrap's style sheet has its icons as `data:` addresses.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
#: How a form is sent, and what else would change something.
FORMS = ("POST", "PUT", "PATCH", "DELETE")
#: Files change only when the product does; a browser asks again after so many seconds.
KEPT_S = 3600
#: The port in a host; one of IPv6 has colons of its own.
_PORT = re.compile(r":\d+$")

csrf = CSRFProtect()


def install(app: Flask, services: Services) -> None:
    """Serve the dashboard from this app."""
    sessions.install(app, services)
    app.config.update(
        BOOTSTRAP_SERVE_LOCAL=True,
        WTF_CSRF_CHECK_DEFAULT=False,  # the API takes no cookie, so nobody can ride on one
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        SEND_FILE_MAX_AGE_DEFAULT=KEPT_S,
        BABEL_TRANSLATION_DIRECTORIES=str(Path(__file__).parent / "translations"),
    )
    Babel(app, locale_selector=locale, timezone_selector=lambda: services.settings.default_time_zone)
    Bootstrap5(app)
    csrf.init_app(app)
    wording.install(app)
    app.extensions["charts"] = {}
    app.register_blueprint(blueprint)


def locale() -> str:
    """The language that was chosen, or that the browser asks for."""
    chosen = str(session.get("language"))
    asked = request.accept_languages.best_match(list(LANGUAGES)) or "en"
    return LANGUAGES[chosen if chosen in LANGUAGES else asked]


@blueprint.before_request
def protect() -> None:
    """No form is taken that is not ours. Without the secret, which Redis has, no form can be made either."""
    if current_app.secret_key is None and request.endpoint != "dashboard.static":
        raise Unavailable("Redis has not told the secret that signs sessions yet.")
    csrf.protect()


@blueprint.after_request
def harden(answer: Response) -> Response:
    """What a browser may do with our pages."""
    answer.headers.update(HEADERS)
    return answer


@blueprint.context_processor
def surroundings() -> dict[str, object]:
    """What every page shows around its own."""
    settings = services().settings
    return {
        "flower_url": settings.flower_url or _beside(settings.flower_port),
        "is_known": g.get("caller", auth.ANYBODY) is not auth.ANYBODY,
        "may_see": rights.may_see,
        "page_of": rights.page_of,
        "home": rights.home(),
        "may_send": auth.caller().has_one_of(SEND),
        "may_admin": auth.caller().has_one_of(ADMIN),
        "may_admin_all": auth.caller().has_one_of(ADMIN) and auth.caller().instances is None,
        "zone": settings.default_time_zone,
    }


def _beside(port: int) -> str:
    """The same host at another port, as this page was asked for; behind a proxy that may be nowhere."""
    return f"{request.scheme}://{_PORT.sub('', request.host)}:{port}"


@blueprint.route("", methods=FORMS, defaults={"anything": ""})
@blueprint.route("/<path:anything>", methods=["GET", *FORMS])
def nowhere(anything: str) -> ResponseReturnValue:
    """A page of ours says that there is none, or none that a form is sent to."""
    return _page(404, f"/dashboard/{anything}")


@blueprint.errorhandler(BroadcastError)
def from_tree(error: BroadcastError) -> ResponseReturnValue:
    """An error of ours as a page."""
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)
    if isinstance(error, Unavailable):
        log.warning("unavailable: %s", error, extra={"action": "answer", "request": g.get("request_id")})
        return (*_page(status, ""), _wait(error))
    if isinstance(error, Invalid):
        said = (f"{one.pointer.strip('/')}: {in_words(one.detail)}" for one in error.errors[:10])
        return _page(status, "; ".join(said))
    if isinstance(error, TooMany):
        return (*_page(status, str(error)), _wait(error))
    return _page(status, refusing.refusal(str(error)))


def _wait(error: TooMany | Unavailable) -> dict[str, str]:
    return {"Retry-After": str(error.retry_after_s)}


@blueprint.errorhandler(HTTPException)
def from_http(error: HTTPException) -> ResponseReturnValue:
    """An error that Flask found, as a page."""
    return _page(error.code or 500, refusing.fault(error))


@blueprint.errorhandler(Exception)
def from_nowhere(_: Exception) -> ResponseReturnValue:
    """A fault of ours: the log has it."""
    log.exception("a page failed", extra={"action": "answer", "request": g.get("request_id")})
    return _page(500, "")


def _page(status: int, detail: str) -> tuple[str, int]:
    title = wording.error_title(status, HTTPStatus(status).phrase)
    # A tab keeps what was written into this form; a page between, such as the list, would end that.
    form = url_for("dashboard.new") if (request.method, request.endpoint) == ("POST", "dashboard.preview") else ""
    shown = {"title": title, "detail": detail, "form": form, "request_id": g.get("request_id")}
    return render_template("dashboard/error.html", **shown), status
