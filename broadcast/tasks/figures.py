"""Figures for Prometheus that every process can tell, because they are read from Redis when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from broadcast.domain.callback import Delivery
from broadcast.errors import Unavailable
from broadcast.tasks import QUEUES
from broadcast.wiring import Services

#: Up to which share of the time it was foretold to take a campaign's end was missed; `judge` of the scripts counts so.
ERROR_SHARES = ("0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "+Inf")


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
        left_out = CounterMetricFamily(
            "broadcast_webhook_calls_left_out", "Webhook calls that came to nothing, by why.", labels=["why"]
        )
        waiting = GaugeMetricFamily("broadcast_callbacks_waiting", "Callbacks that wait to be delivered.")
        done = CounterMetricFamily(
            "broadcast_callbacks", "Callbacks that are done, by what became of them.", labels=["state"]
        )
        services = self._services()
        try:
            forecasts = list(_forecasts(services.store.campaigns.forecasts()))
            unknown.add_metric([], services.store.contacts.unknown())
            for why, calls in services.store.webhooks.tally().items():
                left_out.add_metric([why], calls)
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
        return [stuck, workers, unknown, left_out, waiting, done, *forecasts]


def _forecasts(counted: Mapping[str, float]) -> Iterable[Metric]:
    errors = HistogramMetricFamily(
        "broadcast_forecast_error_share",
        "How far off the foretold end (P50) of completed campaigns was, as a share of the time they were to take.",
    )
    upto = list(accumulate(counted.get(most, 0) for most in ERROR_SHARES))
    errors.add_metric([], buckets=list(zip(ERROR_SHARES, upto, strict=True)), sum_value=counted.get("sum", 0))
    kept = CounterMetricFamily(
        "broadcast_forecasts", "Completed campaigns, by whether they were over by their P90.", labels=["over"]
    )
    for name in ("in_time", "late"):
        kept.add_metric([name], counted.get(name, 0))
    return [errors, kept]
