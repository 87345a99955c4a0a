"""Who sits before the browser: a session that refers to an API key, and is looked up anew with every request.

The cookie holds the key's name and a keyed hash of its secret, never the secret: a key that is revoked, or changed, is
out at once, and the cookie alone calls no API. It goes to /dashboard alone.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Any

from flask import Flask, Request, current_app, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue

from broadcast.api import auth
from broadcast.api.asking import services
from broadcast.dashboard.blueprint import blueprint
from broadcast.errors import Unavailable
from broadcast.settings import ApiKey
from broadcast.wiring import Services

#: A session that nobody uses for so long ends.
LASTS = timedelta(hours=12)
#: Answered without a session.
OPEN_VIEWS = frozenset({"dashboard.static", "dashboard.login", "dashboard.enter", "dashboard.language"})


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
    """Begin the session of the key's holder. Raises Unauthorized."""
    key = auth.find(services().settings.api_keys, [secret] if secret else [])
    language = session.get("language")
    session.clear()
    session.permanent = True
    session.update(key=key.name, mark=_mark(key), **({"language": language} if language else {}))


def leave() -> None:
    """End the session."""
    session.clear()


def holder() -> ApiKey | None:
    """The key that the session refers to, if it is one still; anybody where no key is asked for."""
    keys = services().settings.api_keys
    if not keys:
        return auth.ANYBODY
    mark = str(session.get("mark", ""))
    return next((key for key in keys if key.name == session.get("key") and hmac.compare_digest(_mark(key), mark)), None)


def _mark(key: ApiKey) -> str:
    """Tells that the key is still the one that was presented, and cannot be turned back without our secret."""
    if current_app.secret_key is None:
        raise Unavailable("Redis has not told the secret that signs sessions yet.")
    return hmac.new(str(current_app.secret_key).encode(), key.secret.encode(), hashlib.sha256).hexdigest()


@blueprint.before_request
def identify() -> ResponseReturnValue | None:
    """Before every page, find its caller; who is nobody logs in first."""
    found = auth.ANYBODY if request.endpoint in OPEN_VIEWS else holder()
    if found is None:
        wanted = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("dashboard.login", next=wanted), 303)
    g.caller = found
    return None
