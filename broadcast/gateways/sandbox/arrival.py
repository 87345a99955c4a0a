"""When a request arrived: the kernel's own stamp of its first byte, where there is one.

A stamp taken by a thread is late by however long the thread waited for a processor, which on a busy machine is more
than the pace may be off.
"""

from __future__ import annotations

import socket
import struct
import sys
import time

#: Linux's SO_TIMESTAMPNS, which Python does not name: every receive comes with a struct timespec of the wall clock.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("qq")
#: A stamp that differs from our clock by more was made before somebody set the clock.
_PLAUSIBLE_S = 60.0


def ask_for_stamps(connection: socket.socket) -> None:
    """Have the kernel stamp what this connection receives from now on."""
    if sys.platform == "linux":
        connection.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def first_byte(connection: socket.socket) -> float:
    """Wait for the first byte, leave it there, and return when it came, in s of the monotonic clock."""
    _, notes, _, _ = connection.recvmsg(1, 256, socket.MSG_PEEK)
    now, ahead = time.monotonic(), _ahead()
    for level, kind, data in notes:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            came: float = seconds + nanoseconds / 1e9 - ahead
            if now - _PLAUSIBLE_S < came <= now:
                return came
    return now


def _ahead() -> float:
    """How far the wall clock is ahead of the monotonic one, by the quickest of three looks at both.

    A thread that loses the processor between the two would be as far out as it waited, on just those machines on which
    the kernel's stamp is wanted.
    """
    return min(_look() for _ in range(3))[1]


def _look() -> tuple[float, float]:
    before, wall, after = time.monotonic(), time.time(), time.monotonic()
    return after - before, wall - (before + after) / 2
