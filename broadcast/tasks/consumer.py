"""Celery's consumer, sparing with events: Flower hears of the sends a few times a second, not one by one."""

from __future__ import annotations

from typing import Any

from celery.worker.consumer import Consumer

#: Events of tasks leave the worker this often. One by one they cost as much as the send itself.
FLUSH_S = 0.25


class SparingConsumer(Consumer):  # type: ignore[misc]  # Celery ships no types
    """The stock consumer with its events gathered: three a task become a few messages a second."""

    _flush_due = False

    def on_send_event_buffered(self) -> None:
        """Flush soon instead of at once."""
        if self.hub is not None and not self._flush_due:
            self._flush_due = True
            self.hub.call_later(FLUSH_S, self._flush_gathered)

    def _flush_gathered(self, *_: Any) -> None:
        self._flush_due = False
        self._flush_events()
