"""The Celery side: thin tasks, their queues, and the configuration that keeps a redelivery harmless and short."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from celery import Celery
from kombu.entity import Queue

from broadcast.settings import Settings
from broadcast.wiring import Services, redis_url

#: Queue -> what is on it. The worker of `broadcast` sends and does nothing else.
QUEUES = {
    "broadcast": "one task per contact",
    "control": "fanning out, the chords' bodies, upkeep",
    "callbacks": "news to the CRM",
}

#: Within so many seconds Redis offers a message again that a dead worker held. The fence makes a repeat harmless.
VISIBILITY_TIMEOUT_S = 60
#: Celery's priorities: on Redis 0 is the most urgent. The sends have one, see `publishing.publish`.
PRIORITIES = range(10)


def create_celery(settings: Settings, services: Services | None = None) -> Celery:
    """The Celery app: same settings for producers, workers, beat and Flower. Tasks find `services` on it."""
    app = Celery("broadcast", set_as_current=True)
    app.conf.update(configuration(settings))
    app.services = services
    app.set_default()
    app.autodiscover_tasks(["broadcast.tasks"], related_name="sending", force=True)
    app.autodiscover_tasks(["broadcast.tasks"], related_name="upkeep", force=True)
    app.autodiscover_tasks(["broadcast.tasks"], related_name="removing", force=True)
    app.autodiscover_tasks(["broadcast.tasks"], related_name="telling", force=True)
    return app


def configuration(settings: Settings) -> dict[str, Any]:
    """Celery's configuration. Each line that departs from the default has its reason."""
    url = _celerys(redis_url(settings))
    transport = {
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        # Look for messages of dead workers every few seconds, not every hundred.
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "priority_steps": list(PRIORITIES),
        "sep": ":",
        "queue_order_strategy": "priority",
        # A publish must not hang on a half-open connection.
        "socket_timeout": 15,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 25,
    }
    return {
        "broker_url": settings.broker_url or url,
        "broker_transport_options": transport if (settings.broker_url or url).startswith("redis") else {},
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "result_backend": url,
        "result_backend_transport_options": {"socket_keepalive": True},
        "result_expires": 3600,
        # A chord lives for one horizon and its back-offs; an hour of a stopped worker must not lose its body.
        "result_chord_expires": 86_400,
        "task_queues": [Queue(name) for name in QUEUES],  # type: ignore[no-untyped-call]  # kombu ships no types
        "task_default_queue": "control",
        "task_routes": {"broadcast.call": {"queue": "callbacks"}},
        "task_create_missing_queues": False,
        # On Redis a message without a priority would beat every other.
        "task_default_priority": 5,
        "task_annotations": {"broadcast.send": {"rate_limit": settings.send_rate_limit}},
        # A task is on the wire for seconds: one that its worker did not finish is offered again, and the fence decides.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        # Sending waits for the network: threads did most per node. Time limits do not exist there, so every request
        # has a time-out of its own.
        "worker_consumer": "broadcast.tasks.consumer:SteadyConsumer",
        "worker_pool": "threads",
        "worker_concurrency": settings.send_concurrency,
        "worker_prefetch_multiplier": 2,
        "worker_send_task_events": True,  # Flower shows the sends
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "beat_scheduler": "celery.beat:Scheduler",  # in memory: a tick that was missed is not caught up
        "beat_max_loop_interval": 1,
        "beat_schedule": {
            "tick": {"task": "broadcast.tick", "schedule": 1.0, "options": {"expires": 5, "priority": 0}},
        },
        "timezone": "UTC",
    }


def _celerys(url: str) -> str:
    """The URL as Celery writes it: a socket file, `unix://user:password@/path?db=1`, has another scheme there."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    database = parse_qs(parts.query).get("db", ["0"])[-1]
    return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={database}"


def services_of(app: Celery) -> Services:
    """The services that the door put on the app."""
    services: Services = app.services
    return services
