"""Whether we are alive and ready, for supervisors; and figures, for Prometheus."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from broadcast.api.asking import services
from broadcast.errors import Unavailable
from broadcast.tasks.figures import Figures

blueprint = Blueprint("health", __name__)
#: Apart, because the webhooks answer strangers and have no keys to ask for.
figures = Blueprint("figures", __name__)

#: A campaign gets on only while somebody consumes each of these.
NEEDED = ("broadcast", "control")


@blueprint.get("/health/live")
def live() -> ResponseReturnValue:
    """200 while the process answers."""
    return jsonify(live=True)


@blueprint.get("/health/ready")
def ready() -> ResponseReturnValue:
    """200 when Redis answers and a live worker consumes each queue, else 503."""
    try:
        workers = {queue: services().workers(queue) for queue in NEEDED}
    except Unavailable:
        return jsonify(ready=False, redis=False, workers={}), 503
    is_ready = all(workers.values())
    return jsonify(ready=is_ready, redis=True, workers=workers), 200 if is_ready else 503


@figures.get("/metrics")
def metrics() -> ResponseReturnValue:
    """The figures of this process, and those that every process can tell, in Prometheus's format."""
    shared = CollectorRegistry()
    shared.register(Figures(services))
    return Response(generate_latest(REGISTRY) + generate_latest(shared), content_type=CONTENT_TYPE_LATEST)
