"""The doors for gunicorn: `broadcast web` and `broadcast webhook`."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from broadcast import logs
from broadcast.engine.judging import warn_of_redis
from broadcast.errors import SettingsError, Unavailable
from broadcast.settings import Settings, variable_of
from broadcast.store import Store
from broadcast.web import create_app, create_webhook_app
from broadcast.wiring import Services, build_services, is_embedded, redis_url

log = logging.getLogger(__name__)

#: A Redis that does not answer for so many seconds does not keep us from starting.
LOOK_S = 3.0
#: Threads of each process that answer. Each open event stream has one of its own beside them, so that however many
#: there are, the API answers; an idle thread costs some kB, and asks for nothing.
ANSWERING = 8
#: One that just starts, as under `broadcast up`, is waited for about so many seconds, where keys can be in it alone.
PATIENCE = 10
#: How far both give way to the senders of a host that is short of CPU: a receipt can wait a moment, a departure cannot.
#: At 10 a tenth of a busy core's time is still theirs (sched(7): a weight of 110 against 1024).
NICENESS = 10
#: name -> how its app is made, and how many gunicorn workers serve it
APPS: dict[str, tuple[Callable[[Services], Flask], int]] = {
    "web": (create_app, 2),
    "webhook": (create_webhook_app, 1),
}


class OurLogger(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn's log, written by our handler."""

    def setup(self, cfg: Any) -> None:
        """Leave the handlers to `logs.configure`."""
        self.error_log.propagate = True
        self.error_log.setLevel(cfg.loglevel.upper())


class OurWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn's threads; told to stop, it ends the event streams, which would keep it for minutes."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM."""
        extensions = getattr(self.wsgi, "extensions", {})  # there is no app yet while it is being made
        if "live" in extensions:
            extensions["live"].close()
        super().handle_exit(sig, frame)


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
        return self._create(build_services(self._settings))


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
    create, workers = APPS[name]
    threads = ANSWERING + (settings.live_streams if name == "web" else 0)
    options = {**_binding(name, settings), **_options(settings), "workers": workers, "threads": threads}
    _Server(create, settings, options).run()


def _warn_of_redis(settings: Settings) -> None:
    """Once, before the workers fork; a connection of the parent's must not be there when they do."""
    store = Store(redis_url(settings), answer_s=LOOK_S, secret_key=settings.secret_key)
    with closing(store.scripts.client):
        warn_of_redis(store, of_settings=settings.key_names, is_embedded=is_embedded(settings))


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "worker_class": "broadcast.wsgi.OurWorker",
        "timeout": 120,
        "graceful_timeout": 30,
        "loglevel": settings.log_level.lower(),
        "logger_class": "broadcast.wsgi.OurLogger",
        "proc_name": "broadcast",
        "control_socket_disable": True,
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
