"""Striking at a step: a process kills or freezes itself where a test says so."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress

from broadcast.engine.steps import Reached, Step
from broadcast.errors import Unavailable
from broadcast.store import Store

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def striker(store: Store) -> Reached:
    """What is called at each step; see `Reached`."""

    def reached(step: Step) -> None:
        with suppress(Unavailable):  # Redis may be a victim as well
            deed = store.strikes.take(step.value)
            if deed is not None:
                # To this thread, though all stop: if it went to the process, another might take it a moment later.
                signal.pthread_kill(threading.get_ident(), SIGNALS[deed])

    return reached
