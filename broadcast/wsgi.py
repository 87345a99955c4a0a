"""The doors for gunicorn: `broadcast web` and `broadcast webhook`."""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.errors import (
    InvalidHeader,
    InvalidHeaderName,
    InvalidHTTPVersion,
    InvalidRequestLine,
    InvalidRequestMethod,
    LimitRequestHeaders,
    LimitRequestLine,
    ObsoleteFolding,
)
from gunicorn.workers import gthread

from broadcast import logs
from broadcast.api.errors import MEANINGS, body_of
from broadcast.engine.judging import warn_of_redis
from broadcast.errors import SettingsError, Unavailable
from broadcast.patience import (
    ANSWERING,
    GRACE_S,
    MOST_OF_CALLS_S,
    MOST_SLOW,
    MOST_SLOW_OF_ALL,
    Line,
    Places,
)
from broadcast.settings import Settings, variable_of
from broadcast.store import Store
from broadcast.web import create_app, create_webhook_app
from broadcast.wiring import Services, build_services, is_embedded, redis_url

if TYPE_CHECKING:  # the module is there for type checkers alone
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

#: A Redis that does not answer for so many seconds does not keep us from starting.
LOOK_S = 3.0
#: Once it was asked in vain, nobody asks it for so many seconds: each of those who wait for a thread would, in turn.
REST_S = 1.0
#: One that just starts, as under `broadcast up`, is waited for about so many seconds, where keys can be in it alone.
PATIENCE = 10
#: How far both give way to the senders of a host that is short of CPU: a receipt can wait a moment, a departure cannot.
#: At 10 a tenth of a busy core's time is still theirs (sched(7): a weight of 110 against 1024).
NICENESS = 10
#: what gunicorn refuses of a request's head -> the answer's status and code
HEADS: Mapping[type[Exception], tuple[int, str]] = {
    LimitRequestLine: (414, "uri_too_long"),
    LimitRequestHeaders: (431, "headers_too_large"),
    **dict.fromkeys(
        (
            InvalidRequestLine,
            InvalidRequestMethod,
            InvalidHTTPVersion,
            InvalidHeader,
            InvalidHeaderName,
            ObsoleteFolding,
        ),
        (400, "bad_request"),
    ),
}
#: name -> how its app is made, how many gunicorn workers serve it, and of which class
APPS: dict[str, tuple[Callable[[Services], Flask], int, str]] = {
    "web": (create_app, 2, "OurWorker"),
    "webhook": (create_webhook_app, 1, "CallWorker"),
}


class OurLogger(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn's log, written by our handler."""

    def setup(self, cfg: Any) -> None:
        """Leave the handlers to `logs.configure`."""
        self.error_log.propagate = True
        self.error_log.setLevel(cfg.loglevel.upper())


def refusal(status: int, code: str) -> bytes:
    """An answer for a request that no app ever sees."""
    said = body_of(status, code=code, detail=MEANINGS[code], request_id=uuid.uuid4().hex)
    body = json.dumps(said).encode()
    head = (
        f"HTTP/1.1 {status} {said['title']}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
        f"X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class OurWorker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn's threads; none of them waits long for a caller.

    Told to stop, it ends the event streams, which would keep it for minutes.
    """

    #: No request is waited for longer, however large it is.
    most_s = math.inf

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._places = Places(MOST_SLOW, of_all=MOST_SLOW_OF_ALL)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM."""
        extensions = getattr(self.wsgi, "extensions", {})  # there is no app yet while it is being made
        if "live" in extensions:
            extensions["live"].close()
        super().handle_exit(sig, frame)

    def enqueue_req(self, conn: Any) -> None:
        """A connection is given to a thread."""
        if not isinstance(conn.sock, Line):
            conn.sock = Line(conn.sock, most_s=self.most_s, places=self._places, address=str(conn.client[0]))
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """A thread takes a connection up: one on which nothing came yet waits without a thread."""
        if not conn.initialized and hasattr(conn, "wait_for_data") and not conn.wait_for_data(0):
            return gthread._DEFER
        conn.sock.expect()
        try:
            kept = super().handle(conn)
        finally:
            conn.sock.rest()
        if kept is False:
            conn.sock.end()  # gunicorn would do it in its one loop, where nobody else is heard meanwhile
        return kept

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """A request's head that is not taken gets an error of our shape; gunicorn's own would be a page."""
        refused = HEADS.get(type(exc))
        if refused is None:
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("a request's head was refused: %s", type(exc).__name__)
        with suppress(OSError):
            client.sendall(refusal(*refused))

    def finish_request(self, *given: Any) -> None:
        """The thread is done with the connection. A silent one is given more time than gunicorn gives it, 2 s."""
        super().finish_request(*given)
        pending = getattr(self, "pending_conns", None)  # gunicorn 23 has none, and lets silence wait without a thread
        if pending and pending[-1] is given[0]:
            pending[-1].timeout = time.monotonic() + GRACE_S


class _Answered:
    """Has a slow caller give its place back when its answer begins: that may last for hours, and waits for nothing."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        line: Line = environ["gunicorn.socket"]

        def begin(*given: Any) -> Callable[[bytes], object]:
            line.give_back()
            return start_response(*given)

        return self._app(environ, begin)


class CallWorker(OurWorker):
    """The same for the calls of gateways."""

    most_s = MOST_OF_CALLS_S


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    def __init__(self, create: Callable[[Services], Flask], settings: Settings, options: dict[str, Any]) -> None:
        self._create = create
        self._settings = settings
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Gunicorn asks for its configuration."""
        for name, value in self._options.items():
            if name in self.cfg.settings:  # not every version of gunicorn has a control socket
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """Gunicorn asks for the app, in each worker: connections must not be shared over a fork."""
        app = self._create(build_services(self._settings, rest_s=REST_S))
        app.wsgi_app = _Answered(app.wsgi_app)  # type: ignore[method-assign]  # Flask means it to be wrapped so
        return app


def serve(name: str) -> None:
    """Run one of `APPS` until SIGTERM. Exits with 2 and the setting's name when one is wrong."""
    try:
        settings = Settings.read()
        build_services(settings)
    except SettingsError as error:
        print(f"broadcast: {error}", file=sys.stderr)  # noqa: T201 - before there are logs
        sys.exit(2)
    logs.configure(settings.log_level, settings.log_format)
    os.nice(NICENESS)
    _warn_of_redis(settings)
    create, workers, kind = APPS[name]
    threads = ANSWERING + (settings.live_streams if name == "web" else 0)
    options = {**_binding(name, settings), **_options(settings), "workers": workers, "threads": threads}
    options["worker_class"] = f"broadcast.wsgi.{kind}"
    _Server(create, settings, options).run()


def _warn_of_redis(settings: Settings) -> None:
    """Once, before the workers fork; a connection of the parent's must not be there when they do."""
    store = Store(redis_url(settings), answer_s=LOOK_S, secret_key=settings.secret_key)
    with closing(store.scripts.client):
        warn_of_redis(store, of_settings=settings.key_names, is_embedded=is_embedded(settings))


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "timeout": 120,
        "graceful_timeout": 30,
        "loglevel": settings.log_level.lower(),
        "logger_class": "broadcast.wsgi.OurLogger",
        "proc_name": "broadcast",
        "control_socket_disable": True,
        # The kernel would send a file by itself, and wait for its caller as long as that likes.
        "sendfile": False,
        # What a proxy says is for TRUST_PROXY to believe; gunicorn would believe every one on this host.
        "forwarded_allow_ips": "",
    }


def _binding(name: str, settings: Settings) -> dict[str, str]:
    """Without a secret to ask for, nobody but this host may ask."""
    secret, is_guarded, port = {
        "web": ("api_keys", _has_keys, settings.port),
        "webhook": (settings.access.checks_webhooks, lambda chosen: chosen.checks_webhooks, settings.webhook_port),
    }[name]
    if is_guarded(settings):
        return {"bind": f"0.0.0.0:{port}"}
    log.warning("%s is unset: listening on the loopback only, and asking for no key", variable_of(secret))
    return {"bind": f"127.0.0.1:{port}"}


def _has_keys(settings: Settings) -> bool:
    """Whether the API asks for keys. While nobody knows, it answers no one but for those that it can check."""
    if settings.api_keys or settings.supabase_jwt_secret:
        return True
    store = Store(redis_url(settings), patience=PATIENCE, answer_s=LOOK_S)
    with closing(store.scripts.client):
        try:
            return store.callers.find([]).is_any
        except Unavailable:
            log.warning("Redis does not say whether there are keys: nobody is answered before it does")
            return True
