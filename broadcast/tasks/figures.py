"""Figures for Prometheus that every process can tell, because they are read from Redis when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from broadcast.domain.callback import Delivery
from broadcast.errors import Unavailable
from broadcast.tasks import QUEUES
from broadcast.wiring import Services


class Figures(Collector):
    """Lanes that are stuck, by cause, live workers, by queue, and callbacks. A Redis that is away leaves them out."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    def collect(self) -> Iterable[Metric]:
        """Prometheus asks."""
        stuck = GaugeMetricFamily(
            "broadcast_lanes_stuck", "Lanes that should be sending and are not, by cause.", labels=["cause"]
        )
        workers = GaugeMetricFamily("broadcast_workers", "Live workers that consume the queue.", labels=["queue"])
        unknown = CounterMetricFamily(
            "broadcast_receipts_unknown",
            "Message ids of receipts that nobody ever knew: not sent by us, or too long ago.",
        )
        waiting = GaugeMetricFamily("broadcast_callbacks_waiting", "Callbacks that wait to be delivered.")
        done = CounterMetricFamily(
            "broadcast_callbacks", "Callbacks that are done, by what became of them.", labels=["state"]
        )
        services = self._services()
        try:
            unknown.add_metric([], services.store.contacts.unknown())
            for cause, count in services.store.lanes.stuck().items():
                stuck.add_metric([cause], count)
            for queue in QUEUES:
                workers.add_metric([queue], services.workers(queue))
            tally = services.store.callbacks.tally()
            waiting.add_metric([], tally[Delivery.WAITING.value])
            for state in (Delivery.DELIVERED, Delivery.FAILED):
                done.add_metric([state.value], tally[state.value])
        except Unavailable:
            return []
        return [stuck, workers, unknown, waiting, done]
