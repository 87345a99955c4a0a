"""The open event streams of a process: one thread asks Redis for all of them, and only while somebody looks."""

from __future__ import annotations

import logging
import operator
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from broadcast.api.looks import Looks, Subject
from broadcast.engine.following import Moment
from broadcast.errors import Unavailable
from broadcast.wiring import Services

log = logging.getLogger(__name__)

#: Revisions are asked for so often, and no stream has more events than that.
TICK_S = 0.25
#: So often it is looked at what changes without a revision.
ANEW_S = 1.0
#: A stream that is refused may come back after so many seconds.
FULL_S = 5
#: Who has so many times as many streams as are free gets no more: one alone can have three in four of them, the next
#: three in four of the rest, and so on.
LEFT = 3


class Live:
    """The open streams of this process, and what they show. Thread-safe; the thread lives while there are streams."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._news = threading.Condition()
        self._closing = threading.Event()
        self._watched: Counter[Subject] = Counter()
        self._held: Counter[str | None] = Counter()
        self._board: dict[Subject, Sequence[Moment]] = {}  # replaced where something changed, never changed
        self._thread: threading.Thread | None = None

    def open(self, subject: Subject, *, caller: str | None = None) -> None:
        """One more stream of the caller (None: whoever is on this host); `leave` is its end.

        Raises Unavailable when there are too many, or too many of theirs: who has most of them leaves some to others.
        """
        with self._news:
            free = self._services.settings.live_streams - self._held.total()
            if self._closing.is_set() or free < 1:
                raise Unavailable("LIVE_STREAMS event streams are open in this process", retry_after_s=FULL_S)
            if caller is not None and self._held[caller] >= LEFT * free:
                raise Unavailable(f"{caller} has its share of this process's LIVE_STREAMS", retry_after_s=FULL_S)
            self._held[caller] += 1
            self._watched[subject] += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()

    def leave(self, subject: Subject, *, caller: str | None = None) -> None:
        """A stream of the caller has ended."""
        with self._news:
            self._held[caller] -= 1
            if not self._held[caller]:
                del self._held[caller]
            self._watched[subject] -= 1
            if not self._watched[subject]:
                del self._watched[subject]
                self._board.pop(subject, None)

    def close(self) -> None:
        """Have every stream end now. A signal may call it: it waits for nobody."""
        self._closing.set()

    @property
    def is_closed(self) -> bool:
        """Whether every stream is to end."""
        return self._closing.is_set()

    def rest(self, seconds: float) -> bool:
        """Wait so long, but not beyond `close`; True when it is closed."""
        return self._closing.wait(seconds)

    def wait(self, subject: Subject, seen: Sequence[Moment], seconds: float) -> Sequence[Moment]:
        """The subject's moments as soon as they are others than `seen`; what there is, after so many seconds."""
        with self._news:
            self._news.wait_for(lambda: self._board.get(subject, seen) is not seen or self._closing.is_set(), seconds)
            return self._board.get(subject, seen)

    def look(self, subject: Subject) -> Sequence[Moment]:
        """The subject as it stands now, asked for alone. Raises Unavailable."""
        return Looks(self._services).at([subject], anew=True)[subject]

    def _run(self) -> None:
        looks, anew_at = Looks(self._services), 0.0
        while subjects := self._subjects():
            began = time.monotonic()
            anew = began >= anew_at
            try:
                self._show(looks.at(subjects, anew=anew))
            except Unavailable as error:
                log.warning("the streams stand still: %s", error, extra={"action": "live"})
                self.rest(ANEW_S)
            except Exception:  # whatever it is, the streams must not stand still for good
                log.exception("a look for the streams failed", extra={"action": "live"})
                self.rest(ANEW_S)
            anew_at = began + ANEW_S if anew else anew_at
            self.rest(max(TICK_S - (time.monotonic() - began), TICK_S / 5))

    def _subjects(self) -> Sequence[Subject]:
        with self._news:
            if self._watched and not self._closing.is_set():
                return list(self._watched)
            self._thread = None
            self._news.notify_all()
            return ()

    def _show(self, found: Mapping[Subject, Sequence[Moment]]) -> None:
        with self._news:
            changed = {
                subject: moments
                for subject, moments in found.items()
                if subject in self._watched and not _are_same(self._board.get(subject), moments)
            }
            self._board.update(changed)
            if changed:
                self._news.notify_all()


def _are_same(before: Sequence[Moment] | None, now: Sequence[Moment]) -> bool:
    return before is not None and len(before) == len(now) and all(map(operator.is_, before, now))
