"""A worker's signs of life: in Redis for the product, over HTTP for supervisors and Prometheus."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from celery import bootsteps, signals
from prometheus_client import REGISTRY, make_wsgi_app
from redis.exceptions import RedisError

from broadcast.engine.judging import warn_of_redis
from broadcast.errors import Unavailable
from broadcast.tasks import services_of
from broadcast.tasks.figures import Figures
from broadcast.tasks.upkeep import wake
from broadcast.wiring import Services, is_embedded

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
        self._beating: threading.Thread | None = None
        self._server: WSGIServer | None = None
        self._figures = make_wsgi_app()

    def start(self, worker: Any) -> None:
        """Begin to beat, in threads of our own: the worker's loop must not wait for them."""
        queues = sorted(worker.app.amqp.queues.consume_from)
        self._beating = threading.Thread(target=self._beat, args=(worker, queues), daemon=True, name="beat")
        self._beating.start()
        if "broadcast" in queues:
            settings = services_of(worker.app).settings
            host = "0.0.0.0" if settings.api_keys else "127.0.0.1"  # noqa: S104 - the API follows the same rule
            REGISTRY.register(Figures(lambda: services_of(worker.app)))
            self._server = _listen(host, settings.worker_http_port, self._answer)
            threading.Thread(target=self._server.serve_forever, daemon=True, name="health").start()
            log.info("health on port %s", self._server.server_port, extra={"action": "health"})

    def stop(self, worker: Any) -> None:
        """Stop counting as a consumer before the last tasks drain."""
        self._stopped.set()
        if self._beating is not None:
            self._beating.join(BEAT_S)  # a beat under way would sign on again after the leave
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._leave(worker)

    def _leave(self, worker: Any) -> None:
        workers = services_of(worker.app).store.workers
        try:
            for queue in worker.app.amqp.queues.consume_from:
                workers.leave(queue, worker.hostname)
            _give_back(services_of(worker.app))
        except Unavailable:
            log.warning("could not sign off", extra={"action": "health"})

    def _beat(self, worker: Any, queues: list[str]) -> None:
        store, settings = services_of(worker.app).store, services_of(worker.app).settings
        workers, is_judged = store.workers, False
        while not self._stopped.is_set():
            try:
                for queue in queues:
                    workers.beat(queue, worker.hostname)
                self._last_beat = time.monotonic()
                is_judged = is_judged or warn_of_redis(store, is_embedded=is_embedded(settings))
            except (Unavailable, RedisError) as error:  # whatever it is, it passes, and this thread must outlive it
                log.warning("no sign of life: %s", error, extra={"action": "health"})
            self._stopped.wait(BEAT_S)

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            # Which server of which Python this is would stand there, and is nobody's business.
            return start_response(status, [*headers, ("Server", "broadcast")], *more)

        if environ["PATH_INFO"] == "/metrics":
            answer: Iterable[bytes] = self._figures(environ, start)
            return answer
        healthy = time.monotonic() - self._last_beat < SILENT_S
        known = environ["PATH_INFO"] == "/health"
        status = "404 Not Found" if not known else "200 OK" if healthy else "503 Service Unavailable"
        start(status, [("Content-Type", "application/json")])
        return [json.dumps({"healthy": healthy}).encode()]


#: The sends that this worker has received and not begun: task id -> instance, and campaign, number and batch. Kept by
#: us, since Celery has let go of what waits for its ETA before anybody is told that it stops.
_in_hand: dict[str, tuple[str, tuple[str, int, str]]] = {}


@signals.task_received.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def _take(request: Any, **_: Any) -> None:
    if request.name == "broadcast.send":
        instance, campaign, number, batch = request.args
        _in_hand[request.id] = instance, (campaign, number, batch)


@signals.task_prerun.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def _begin(task_id: str, **_: Any) -> None:
    _in_hand.pop(task_id, None)


def _give_back(services: Services) -> None:
    """What this worker has in hand and did not begin goes back to its lanes at once, not when its batch is missed.

    Celery offers the messages again only when the last request on the wire is over; they will find nothing to do.
    """
    held: dict[str, list[tuple[str, int, str]]] = {}
    for instance, contact in list(_in_hand.values()):
        held.setdefault(instance, []).append(contact)
    count = services.store.lanes.unbook(held)
    for instance in held:
        wake(instance)  # others are left to send it
    if not services.workers("broadcast"):
        count += services.store.lanes.unbook_all()
    if count:
        log.info("gave back %s booked contacts", count, extra={"action": "health"})


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
