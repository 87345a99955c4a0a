"""Who sits before the browser: a session that refers to an API key, and is looked up anew with every request.

The cookie refers to a key of the settings by its name and a keyed hash of its secret, to a key that was created by the
digest that it is kept under, and never holds the secret: a key that is revoked, or changed, is out at once, and the
cookie calls no API. It goes to /dashboard alone.

A cookie cannot be taken back from whoever has a copy. So it has an id, and the ids of those who logged out are refused
for longer than any cookie with one counts: from when it was last let in, and not from its signature, which answers of
pages for everybody renew as well.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import math
import re
import secrets
import time
from datetime import timedelta
from functools import partial
from typing import Any

from flask import Flask, Request, current_app, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from broadcast.api import auth
from broadcast.api.asking import services
from broadcast.api.browsers import refuse_strangers
from broadcast.api.guessing import network
from broadcast.api.scopes import ADMIN
from broadcast.dashboard.blueprint import blueprint
from broadcast.dashboard.rights import OPEN, VIEWS
from broadcast.domain.caller import Caller, Key
from broadcast.engine.granting import digest
from broadcast.errors import TooMany, Unauthorized, Unavailable
from broadcast.settings import ApiKey
from broadcast.wiring import Services

log = logging.getLogger(__name__)

#: A session that nobody uses for so long ends.
LASTS = timedelta(hours=12)
#: A log-out is remembered for so much longer: a request may be on its way meanwhile, and hosts' clocks differ.
SLACK = timedelta(hours=1)
#: So many keys may be tried from one address, or one /64 of IPv6, in so many ms.
MOST_TRIES, TRIES_MS = 20, 60_000


class Sessions(SecureCookieSessionInterface):
    """Flask's signed cookies, for the dashboard alone, with a secret that all processes of all hosts have.

    It comes from SECRET_KEY, or else from Redis: the first process keeps a random one there. So API_KEYS alone are
    enough to start, every gunicorn worker knows every session, and a restart logs nobody out. Whoever can read Redis
    could have messages sent without a session too.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def open_session(self, app: Flask, request: Request) -> Any:
        """Nothing for the API, which has no sessions; while Redis is away, nobody is known."""
        if not request.path.startswith("/dashboard"):
            return self.make_null_session(app)
        try:
            app.secret_key = app.secret_key or self._secret()
        except Unavailable:
            return self.make_null_session(app)
        return super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 - Flask fixes the signature
        """Over https, the cookie is for https alone."""
        return request.is_secure

    def _secret(self) -> str:
        root = self._services.settings.secret_key or self._services.store.desk.signing(secrets.token_hex(32))
        return hmac.new(root.encode(), b"dashboard sessions", hashlib.sha256).hexdigest()


def install(app: Flask, services: Services) -> None:
    """Sessions of the app: signed, HttpOnly, SameSite, for the dashboard's paths."""
    app.session_interface = Sessions(services)
    app.config.update(
        SESSION_COOKIE_NAME="broadcast",
        SESSION_COOKIE_PATH="/dashboard",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=LASTS,
    )


def enter(secret: str) -> None:
    """Begin the session of the key's holder. Raises Unauthorized, TooMany, Unavailable."""
    whose = network(request.remote_addr or "")
    wait_ms = services().store.callers.spend(f"log-in/{whose}", count=MOST_TRIES, period_ms=TRIES_MS)
    if wait_ms:
        raise TooMany("Too many keys were tried from here.", retry_after_s=math.ceil(wait_ms / 1000))
    reference = _reference(secret)
    language = session.get("language")
    session.clear()
    session.permanent = True
    session.update(**reference, id=secrets.token_urlsafe(16), **({"language": language} if language else {}))
    _let_in()


def _reference(secret: str) -> dict[str, str]:
    """What the session keeps of a key. Every one of the settings is compared, in constant time.

    The digest of one that was created tells nothing of its 32 random bytes.
    """
    keys = services().settings.api_keys
    given = [key for key in keys if hmac.compare_digest(key.secret.encode(), secret.encode("utf-8", "replace"))]
    if given:
        return {"key": given[0].name, "mark": _mark(given[0])}
    created = digest(secret)
    if _live(services().store.callers.find([created]).keys[0]) is None:
        raise Unauthorized("This key is not known.")
    return {"created": created}


def leave() -> None:
    """End the session, and all copies of it. While Redis is away nobody can be told of that: it ends here alone."""
    if "id" in session:
        try:
            services().store.sessions.end(session["id"], keep_s=int((LASTS + SLACK).total_seconds()))
        except Unavailable:
            log.warning("a log-out could not be kept", extra={"action": "log out", "request": g.get("request_id")})
    session.clear()


def holder() -> Caller | None:
    """Who logged in with this session and is in still; anybody on this host where there is no key at all."""
    return _who(limit=None)[0]


def _who(*, limit: tuple[int, int] | None) -> tuple[Caller | None, int]:
    """The same, and 0 or so many ms until they may ask again, with a limit of so many requests per so many ms."""
    found, wait_ms = _of_session(limit)
    return found or (auth.ANYBODY if _is_open() else None), wait_ms


def _of_session(limit: tuple[int, int] | None) -> tuple[Caller | None, int]:
    """Whose key the session refers to, if it is one still, and the session is not over. Raises Unavailable."""
    if time.time() - session.get("seen", 0) >= LASTS.total_seconds():
        return None, 0
    known, of_settings = session.get("created", ""), _of_settings()
    name = of_settings.name if of_settings is not None else ""
    try:
        visit = services().store.sessions.visit(session["id"], digest=known, name=name, limit=limit)
    except Unavailable:
        if known:
            raise
        return of_settings, 0
    found = None if visit.is_over else _live(visit.key) if known else of_settings
    if found is not None:
        _let_in()
    return found, visit.wait_ms


def _let_in() -> None:
    """Note that the session is used. Nothing else may: a copy of one that is over must not grow younger."""
    session["seen"] = int(time.time())


def _live(key: Key | None) -> Caller | None:
    """The holder of a key that was created and is not revoked."""
    return key.caller if key is not None and key.revoked_ms is None else None


def _of_settings() -> Caller | None:
    name, mark = session.get("key"), str(session.get("mark", ""))
    keys = (key for key in services().settings.api_keys if key.name == name)
    found = next((key for key in keys if hmac.compare_digest(_mark(key), mark)), None)
    return Caller(name=found.name, instances=found.instances) if found else None


def _is_in(services: Services, id_: str, known: str) -> bool:
    """Whether a session lasts, and its created key, if any, for who asks after the request; yes while Redis is away."""
    try:
        visit = services.store.sessions.visit(id_, digest=known)
    except Unavailable:
        return True
    return not visit.is_over and (not known or _live(visit.key) is not None)


def _is_open() -> bool:
    settings = services().settings
    is_asked = settings.api_keys or settings.supabase_jwt_secret or not auth.is_near()
    return not is_asked and not services().store.callers.find([]).is_any


def _mark(key: ApiKey) -> str:
    """Tells that the key is still the one that was presented, and cannot be turned back without our secret."""
    if current_app.secret_key is None:
        raise Unavailable("Redis has not told the secret that signs sessions yet.")
    return hmac.new(str(current_app.secret_key).encode(), key.secret.encode(), hashlib.sha256).hexdigest()


@blueprint.before_request
def identify() -> ResponseReturnValue | None:
    """Before every page, find its caller, and whether they may ask for it; who is nobody logs in first."""
    view = (request.endpoint or "").rpartition(".")[2]
    g.caller = auth.ANYBODY
    if view == "leave" and "id" not in session:  # there is nothing to end, and no form of it has a token that counts
        return redirect(url_for("dashboard.login"), 303)
    if view in OPEN:
        return None
    found, wait_ms = _who(limit=services().settings.dashboard_rate_limit)
    if found is None:
        return redirect(_door(), 303)
    g.caller = found
    if found is auth.ANYBODY:
        refuse_strangers(request, hosts=services().settings.allowed_hosts)
    else:
        g.is_still_welcome = partial(_is_in, services(), str(session["id"]), str(session.get("created", "")))
    if wait_ms:
        raise _too_many(wait_ms)
    auth.need(VIEWS.get(view, ADMIN))
    return None


def _door() -> str:
    """The log-in, and what it leads on to: the page that was asked for, or the one whose form was sent in vain."""
    if request.method != "POST":
        return url_for("dashboard.login", next=request.full_path.rstrip("?"))
    page = re.match("https?://[^/]*(/[^#]*)", request.referrer or "")
    return url_for("dashboard.login", next=page[1] if page else None, unsent=1)


def _too_many(wait_ms: int) -> TooMany:
    wait_s = math.ceil(wait_ms / 1000)
    asked = gettext(
        "This session asks more often than DASHBOARD_RATE_LIMIT allows. Wait %(seconds)s s.", seconds=wait_s
    )
    return TooMany(asked, retry_after_s=wait_s)
