"""Callers are waited for only so long: gunicorn itself would wait for ever, a thread for each."""

from __future__ import annotations

import errno
import math
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

Moved = TypeVar("Moved")

#: Threads of each process that answer. Each open event stream has one of its own beside them, so that however many
#: there are, the API answers; an idle thread costs some kB, and asks for nothing.
ANSWERING = 8
#: A request, its head and its body, is waited for so many seconds in all, without what is done between its pieces, …
GRACE_S = 10.0
#: … and one more for so many bytes that came: a large chunk over a slow line is honest, one that drips is not.
LEAST_RATE = 4096
#: Who is no quicker than this, in the same measure, is slow. Each has a thread to itself while it is waited for, …
MOMENT_S, QUICK_RATE = 0.5, 65_536
#: … so that it is done for so many of one address at a time, …
MOST_SLOW = ANSWERING // 2
#: … and for so many in all: the other threads are for those who are quick, of whatever address.
MOST_SLOW_OF_ALL = ANSWERING - max(2, ANSWERING // 4)
#: No gateway waits longer for its call to be taken (Evolution 30 s, the others less).
MOST_OF_CALLS_S = 30.0
#: What a caller still sends after the answer is read so long and so far, since the answer may be lost without it.
LINGER_S, LINGER_BYTES = 2.0, 65_536


class TooSlowError(TimeoutError):
    """A request that was not there in time. To gunicorn, and to Werkzeug, it is a caller who went away."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the request did not come in time")


class Places:
    """How many slow callers are waited for at a time: so many of each address, and so many in all. Thread-safe."""

    def __init__(self, most: int, *, of_all: int) -> None:
        self._most, self._most_of_all = most, of_all
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    def has_room(self, *, of_address: int, of_all: int) -> bool:
        """Whether one more is waited for where so many are already."""
        return of_address < self._most and of_all < self._most_of_all

    def take(self, address: str) -> bool:
        """Whether there is one more for this address; it is its own then."""
        with self._lock:
            if not self.has_room(of_address=self._taken[address], of_all=self._taken.total()):
                return False
            self._taken[address] += 1
            return True

    def give_back(self, address: str) -> None:
        """It is for another."""
        with self._lock:
            self._taken[address] -= 1
            self._taken += Counter()  # those who have none are forgotten


@dataclass
class Pace:
    """How quick a caller is: for how long it was waited for, and how many bytes came, or went, in that time."""

    waited_s: float = 0.0
    moved: int = 0

    @property
    def quick_s(self) -> float:
        """For so long it is still a quick one."""
        return MOMENT_S + self.moved / QUICK_RATE - self.waited_s

    @property
    def left_s(self) -> float:
        """For so long it is still waited for."""
        return GRACE_S + self.moved / LEAST_RATE - self.waited_s


class Line(socket.socket):
    """A caller's connection, on which each is waited for only so long: gunicorn itself would wait for ever."""

    def __init__(
        self, accepted: socket.socket, *, most_s: float = math.inf, places: Places | None = None, address: str = ""
    ) -> None:
        timeout_s = accepted.gettimeout()
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self.settimeout(timeout_s)
        self._most_s = most_s
        self._places, self._address = places or Places(MOST_SLOW, of_all=MOST_SLOW_OF_ALL), address
        self._has_place = False
        self.expect()

    def expect(self) -> None:
        """The next request is waited for from now on."""
        self._coming = Pace()
        self._is_waited_for = True

    def rest(self) -> None:
        """Nothing is waited for any more: what gunicorn hears when it hangs up takes nobody's place."""
        self._is_waited_for = False
        self.give_back()

    def give_back(self) -> None:
        """Its place, if it has one, is for another. It is asked for anew where the caller is waited for still."""
        if self._has_place:
            self._has_place = False
            self._places.give_back(self._address)

    @property
    def left_s(self) -> float:
        """For so long the present request is still waited for."""
        return self._left_s(self._coming)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """The next bytes. Raises `TooSlowError` where they are waited for and do not come in time."""
        hear = super().recv
        if not self._is_waited_for:
            return hear(size, flags)
        data = self._in_time(self._coming, partial(hear, size, flags))
        self._coming.moved += len(data)
        return data

    def send(self, data: Any, flags: int = 0) -> int:
        """Some bytes. Raises `TooSlowError` where none are taken in time."""
        say = super().send
        return self._in_time(Pace(), partial(say, data, flags))

    def sendall(self, data: Any, flags: int = 0) -> None:
        """All bytes. Raises `TooSlowError` where they are not taken in time, which an app that sets one knows best."""
        if self.gettimeout() is not None:
            super().sendall(data, flags)
            return
        say, left, going = super().send, memoryview(data), Pace()
        while left:
            sent = self._in_time(going, partial(say, left, flags))
            going.moved += sent
            left = left[sent:]
        self.give_back()

    def _left_s(self, pace: Pace) -> float:
        return min(pace.left_s, self._most_s - pace.waited_s)

    def _in_time(self, pace: Pace, move: Callable[[], Moved]) -> Moved:
        """What the move gives, once the caller does its part. Raises `TooSlowError`."""
        while True:
            within_s = self._patience_s(pace)
            given_s, began = self.gettimeout(), time.monotonic()
            self.settimeout(within_s if given_s is None else min(given_s, within_s))
            try:
                return move()
            except TimeoutError:
                if given_s is not None and given_s < within_s:
                    raise
            finally:
                pace.waited_s += time.monotonic() - began
                self.settimeout(given_s)

    def _patience_s(self, pace: Pace) -> float:
        """How long the caller is waited for; then it is asked again. Raises `TooSlowError`."""
        if pace.quick_s <= 0 and not self._has_place:
            self._has_place = self._places.take(self._address)
        is_heard = pace.quick_s > 0 or self._has_place
        left_s = self._left_s(pace)
        if not is_heard or left_s <= 0:
            self._coming.waited_s = math.inf  # nor is it listened to while it is hung up on
            raise TooSlowError
        return left_s if self._has_place else min(left_s, pace.quick_s)

    def end(self) -> None:
        """Say that no more is said, hear out who is still speaking, and listen no longer."""
        deadline = time.monotonic() + LINGER_S
        with suppress(OSError):
            self.shutdown(socket.SHUT_WR)
            self.settimeout(0)
            heard = 0
            while self.left_s > 0 and heard < LINGER_BYTES and (data := super().recv(4096)):
                heard += len(data)
                self.settimeout(max(deadline - time.monotonic(), 0))
        with suppress(OSError):
            self.shutdown(socket.SHUT_RD)
