"""The two Flask apps: the API, and the webhooks in a process of their own, so that receipts never slow a caller."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request
from flask_smorest import Api
from werkzeug.middleware.proxy_fix import ProxyFix

from broadcast import __version__
from broadcast.api import (
    auth,
    callbacks,
    campaigns,
    edge,
    errors,
    headers,
    health,
    instances,
    people,
    reading,
    scopes,
    suppressions,
)
from broadcast.api.answers import Problem
from broadcast.api.body import refuse_encoded
from broadcast.api.browsers import is_of_strangers, let_in
from broadcast.api.describing import Common
from broadcast.api.live import Live
from broadcast.dashboard import mounting
from broadcast.domain.hiding import digits_in
from broadcast.domain.phone import mask
from broadcast.errors import Forbidden
from broadcast.logs import masked
from broadcast.receipts import routes
from broadcast.tasks import create_celery
from broadcast.wiring import Services

if TYPE_CHECKING:  # the module is there for type checkers alone
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

#: Asked all day by supervisors and gateways: logged when they fail, and otherwise on DEBUG only.
ROUTINE = ("/health/", "/metrics", "/webhooks/")

#: A larger request is answered 413.
MOST_BYTES = 32 * 1024 * 1024


class _Api(Api):  # type: ignore[misc]  # flask-smorest is untyped
    """OpenAPI of our blueprints, with our error shape in it. Only errors are described by smorest's own means."""

    ERROR_SCHEMA = Problem
    DEFAULT_RESPONSE_CONTENT_TYPE = "application/problem+json"


def create_app(services: Services) -> Flask:
    """The API, and the dashboard beside it."""
    app = _create(services)
    app.extensions["live"] = Live(services)
    let_in(app, services.settings.cors_origins)
    auth.install(app, guard_of(services), views=scopes.VIEWS, open_views=scopes.OPEN)
    app.before_request(lambda: refuse_encoded(request))
    app.config.update(
        API_TITLE="Broadcast",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    app.register_blueprint(health.figures)
    app.register_blueprint(reading.blueprint)
    api = _Api(app, spec_kwargs={"extra_plugins": [Common()]})
    blueprints = (
        edge.blueprint,
        campaigns.blueprint,
        callbacks.blueprint,
        instances.blueprint,
        people.blueprint,
        suppressions.blueprint,
    )
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
    mounting.install(app, services)
    errors.install(app)
    return app


def guard_of(services: Services) -> auth.Guard:
    """What the API's callers are checked with."""
    settings = services.settings
    return auth.Guard(
        stored=services.store.callers,
        keys=settings.api_keys,
        jwt_secret=settings.supabase_jwt_secret,
        limit=settings.api_rate_limit,
        wrong_limit=settings.wrong_key_limit,
        hosts=settings.allowed_hosts,
        origins=settings.cors_origins,
    )


def create_webhook_app(services: Services) -> Flask:
    """The webhooks."""
    app = _create(services)
    app.register_blueprint(routes.blueprint)
    if not services.settings.checks_webhooks:
        app.before_request(_refuse_pages)
    errors.install(app)
    return app


def _refuse_pages() -> None:
    """Without a secret, whoever is on this host may call, but for what a page has a browser there do."""
    if is_of_strangers(request):
        raise Forbidden("Without the webhooks' secret, what a page in a browser sends is refused. A gateway is none.")


def _create(services: Services) -> Flask:
    app = Flask("broadcast")
    app.wsgi_app = _Whole(app.wsgi_app)  # type: ignore[method-assign]  # Flask means it to be wrapped so
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    # A slash at the end changes nothing, and no path is answered with a redirect, which a POST would not survive.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.extensions["services"] = services
    create_celery(services.settings, services)
    app.register_blueprint(health.blueprint)
    if services.settings.trust_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]  # the same
    app.before_request(_begin)
    app.after_request(_end)
    headers.install(app)
    return app


class _Whole:
    """Has a body that ends before its Content-Length refused, whoever reads it, and not taken for a whole one.

    gunicorn says that bodies end by themselves, and Werkzeug counts no bytes then. One that is chunked does, with a
    last chunk; one that has a length ends as well when the connection does.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("CONTENT_LENGTH") and not environ.get("HTTP_TRANSFER_ENCODING"):
            environ.pop("wsgi.input_terminated", None)
        return self._app(environ, start_response)


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if re.fullmatch(r"[\w.-]{1,64}", given) else uuid.uuid4().hex
    g.began = time.monotonic()


def _end(answer: Response) -> Response:
    answer.headers["X-Request-Id"] = g.request_id
    _log(answer.status_code)
    return answer


def _log(status: int) -> None:
    """One line a request."""
    is_routine = request.path.startswith(ROUTINE)
    caller = g.get("caller")
    ids = {
        "action": "request",
        "request": g.request_id,
        "ms": round((time.monotonic() - g.began) * 1000, 1),
        **({"caller": caller.name} if caller else {}),
    }
    level = logging.DEBUG if is_routine and status < 400 else logging.INFO
    log.log(level, "%s %s %s", request.method, _path(), status, extra=ids)


def _path() -> str:
    """The path, for the log. A webhook's may hold the token, so its rule stands for it; nor is a number told."""
    if request.path.startswith("/webhooks/"):
        return str(request.url_rule or "/webhooks/")
    phone = (request.view_args or {}).get("phone")
    return masked(request.path.replace(phone, mask(digits_in(phone))) if phone else request.path)
