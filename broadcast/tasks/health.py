"""A worker's signs of life: in Redis for the product, over HTTP for supervisors and Prometheus."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from celery import bootsteps
from prometheus_client import make_wsgi_app

from broadcast.engine.judging import warn_of_redis
from broadcast.errors import Unavailable
from broadcast.tasks import services_of

log = logging.getLogger(__name__)

#: A worker says that it is alive this often.
BEAT_S = 3.0
#: A worker that could not say so for this long is not healthy.
SILENT_S = 12.0
#: How many ports after the first are tried for further workers of a host.
PORTS = 50


class Health(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
    """Beats while the worker consumes, and serves /health and /metrics where it consumes `broadcast`."""

    requires = {"celery.worker.components:Pool"}  # noqa: RUF012 - Celery's own way to declare it

    def __init__(self, *_: Any, **__: Any) -> None:
        self._stopped = threading.Event()
        self._last_beat = 0.0
        self._server: WSGIServer | None = None

    def start(self, worker: Any) -> None:
        """Begin to beat, in threads of our own: the worker's loop must not wait for them."""
        queues = sorted(worker.app.amqp.queues.consume_from)
        threading.Thread(target=self._beat, args=(worker, queues), daemon=True, name="beat").start()
        if "broadcast" in queues:
            settings = services_of(worker.app).settings
            host = "0.0.0.0" if settings.api_keys else "127.0.0.1"  # noqa: S104 - the API follows the same rule
            self._server = _listen(host, settings.worker_http_port, self._answer)
            threading.Thread(target=self._server.serve_forever, daemon=True, name="health").start()
            log.info("health on port %s", self._server.server_port, extra={"action": "health"})

    def stop(self, worker: Any) -> None:
        """Stop counting as a consumer before the last tasks drain."""
        self._stopped.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._leave(worker)

    def _leave(self, worker: Any) -> None:
        workers = services_of(worker.app).store.workers
        try:
            for queue in worker.app.amqp.queues.consume_from:
                workers.leave(queue, worker.hostname)
        except Unavailable:
            log.warning("could not sign off", extra={"action": "health"})

    def _beat(self, worker: Any, queues: list[str]) -> None:
        store = services_of(worker.app).store
        workers, is_judged = store.workers, False
        while not self._stopped.is_set():
            try:
                for queue in queues:
                    workers.beat(queue, worker.hostname)
                self._last_beat = time.monotonic()
                is_judged = is_judged or warn_of_redis(store)
            except Unavailable as error:
                log.warning("no sign of life: %s", error, extra={"action": "health"})
            self._stopped.wait(BEAT_S)

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/metrics":
            answer: Iterable[bytes] = make_wsgi_app()(environ, start_response)
            return answer
        healthy = time.monotonic() - self._last_beat < SILENT_S
        known = environ["PATH_INFO"] == "/health"
        status = "404 Not Found" if not known else "200 OK" if healthy else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps({"healthy": healthy}).encode()]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Probes come every few seconds; they are not deeds."""


def _listen(host: str, first_port: int, app: Callable[..., Iterable[bytes]]) -> WSGIServer:
    for port in range(first_port, first_port + PORTS):
        try:
            return make_server(host, port, app, handler_class=_Quiet)
        except OSError:
            continue
    raise OSError(f"no free port from {first_port} to {first_port + PORTS - 1} for the worker's health")
