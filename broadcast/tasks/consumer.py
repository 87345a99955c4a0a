"""Celery's consumer, put right in three things: its timers, what it tells Flower, how it survives a lost broker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any

from celery.worker.consumer import Consumer

log = logging.getLogger(__name__)

#: Events of tasks leave the worker this often. One by one they cost as much as the send itself.
FLUSH_S = 0.25
#: Timers that are fired before the worker looks at its sockets again.
TIMERS_AT_ONCE = 100


def punctual(hub: Any) -> Callable[..., float]:
    """The hub's way to fire its timers, without the rest that it takes when more than a few are due.

    kombu 5.7 fires ten and then may sleep for a second although more are due. A task of ours is two timers (its ETA and
    the rate limit), so a worker that was behind for any reason, a few dozen tasks, could never catch up: each was late
    for its departure and its contact was planned anew, for ever. Measured: after 14 s of SIGSTOP, not one send in 30 s.
    """
    fire: Callable[..., float] = hub.fire_timers

    def fire_all(**options: Any) -> float:
        wait = fire(**{**options, "max_timers": TIMERS_AT_ONCE})
        queue = hub.timer._queue  # the heap itself: its public face sorts a copy each time
        return 0.0 if queue and queue[0].eta <= monotonic() else wait

    return fire_all


class SteadyConsumer(Consumer):  # type: ignore[misc]  # Celery ships no types
    """The stock consumer with its events gathered, and reconnecting with messages in hand."""

    _flush_at = 0.0  #: when what is gathered is flushed by; monotonic s

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.hub is not None:
            self.hub.fire_timers = punctual(self.hub)

    def on_send_event_buffered(self) -> None:
        """Flush soon instead of at once: three events a task become a few messages a second.

        Threads of the pool come by here, and the timers are the loop's alone: one that was set beside it could break
        the heap while the loop took another from it, which ended the worker. A lost connection clears them all.
        """
        if self.hub is not None and (now := monotonic()) >= self._flush_at:
            self._flush_at = now + FLUSH_S
            self.hub.call_soon(self.hub.call_later, FLUSH_S, self._flush_events)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Let go of the lost connection, whatever it says.

        kombu 5.7 closes a lost channel twice, and the second time wants to give its unacknowledged messages back over a
        connection that is no more: an AttributeError that would end the worker. The messages come back by themselves
        when their visibility timeout is over, and the fence makes that harmless.
        """
        try:
            super().on_connection_error_after_connected(exc)
        except AttributeError:
            log.info("the lost connection held messages; they will be offered again", extra={"action": "reconnect"})

    def call_soon_ack(self, p: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Acknowledge soon; a message of a connection that is no more cannot be, and ends nothing."""

        def acknowledge(*with_: Any, **named: Any) -> None:
            try:
                p(*with_, **named)
            except AttributeError:
                log.info("a message of a lost connection; it will be offered again", extra={"action": "acknowledge"})

        return super().call_soon_ack(acknowledge, *args, **kwargs)
