"""The two Flask apps: the API, and the webhooks in a process of their own, so that receipts never slow a caller."""

from __future__ import annotations

import logging
import re
import time
import uuid

from flask import Flask, Response, g, request
from flask_smorest import Api

from broadcast import __version__
from broadcast.api import auth, campaigns, edge, errors, health, instances
from broadcast.receipts import routes
from broadcast.tasks import create_celery
from broadcast.wiring import Services

log = logging.getLogger(__name__)

#: A larger request is answered 413.
MOST_BYTES = 32 * 1024 * 1024


def create_app(services: Services) -> Flask:
    """The API."""
    app = _create(services)
    auth.install(app, services.settings.api_keys)
    app.config.update(
        API_TITLE="Broadcast",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = Api(app)
    for blueprint in (edge.blueprint, campaigns.blueprint, instances.blueprint):
        api.register_blueprint(blueprint)
    errors.install(app)
    return app


def create_webhook_app(services: Services) -> Flask:
    """The webhooks."""
    app = _create(services)
    app.register_blueprint(routes.blueprint)
    errors.install(app)
    return app


def _create(services: Services) -> Flask:
    app = Flask("broadcast")
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.extensions["services"] = services
    create_celery(services.settings, services)
    app.register_blueprint(health.blueprint)
    app.before_request(_begin)
    app.after_request(_end)
    return app


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if re.fullmatch(r"[\w.-]{1,64}", given) else uuid.uuid4().hex
    g.began = time.monotonic()


def _end(answer: Response) -> Response:
    answer.headers["X-Request-Id"] = g.request_id
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers.setdefault("Cache-Control", "no-store")
    if not request.path.startswith(("/health/", "/metrics", "/webhooks/")):
        took_ms = (time.monotonic() - g.began) * 1000
        ids = {"action": "request", "request": g.request_id, "ms": round(took_ms, 1)}
        log.info("%s %s %s", request.method, request.path, answer.status_code, extra=ids)
    return answer
