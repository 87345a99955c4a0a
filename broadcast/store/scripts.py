"""The Lua scripts: one move a file, loaded once, run by name. Every state change in Redis is one of them.

`prelude/` stands before each of them, in the order of its files' names, and holds the functions they share; it is given
the key patterns of `keys.py`. Keys are built inside the scripts, so the state lives on one Redis, not on a Cluster.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.commands.core import Script
from redis.retry import Retry

from broadcast.errors import Unavailable
from broadcast.store.keys import PATTERNS

#: What Redis says when it is there but cannot take a write: loading, out of memory, disk full, read-only replica.
_CANNOT_BY_CLASS = (
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.MasterDownError,
    # In a pipeline that outlived its server: the scripts are loaded again with the next one.
    redis.exceptions.NoScriptError,
)
#: The same in words, for codes that the client has no class for, and for those inside a script's error.
_CANNOT = ("LOADING", "OOM", "MISCONF", "READONLY", "BUSY", "NOREPLICAS", "CLUSTERDOWN", "MASTERDOWN")

#: A key as a script names it: `contact_key(…)`.
_KEY = re.compile(r"\b(\w+)_key\(")

#: Redis does everything of ours in milliseconds; without an answer for so many seconds it is away.
ANSWER_S = 10.0


def connect(url: str, *, patience: int = 0, answer_s: float = ANSWER_S) -> redis.Redis:
    """A client for the scripts. `patience` is how often a lost connection is tried again, about once a second.

    Patience is safe for the scripts here because each can be told twice: the fence and the record know the run that
    asks, accepting knows its token, booking its turn. Callers who must answer soon have none.
    """
    backoff = ExponentialBackoff(cap=1.0, base=0.05) if patience else NoBackoff()
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=answer_s,
        socket_connect_timeout=2,
        health_check_interval=30,
        retry=Retry(backoff, patience),
        # A socket file has no far side that could vanish unseen, and no such option.
        **({} if url.startswith("unix:") else {"socket_keepalive": True}),
    )


class Pipeline:
    """Scripts that go to Redis together; `replies` has theirs, in order, once the block is over."""

    def __init__(self, scripts: Mapping[str, Script], pipe: Any) -> None:
        self._scripts = scripts
        self._pipe = pipe
        self.replies: list[Any] = []

    def run(self, name: str, *args: str | int | float) -> None:
        """Run one script at the end of the block."""
        self._scripts[name](keys=[], args=args, client=self._pipe)


class Scripts:
    """All scripts of this package, ready to run against one Redis.

    For `rest_s` after a question that got no answer in time, nothing is asked: where many wait for few threads, each of
    them would wait for its turn to get none.
    """

    def __init__(self, client: redis.Redis, *, rest_s: float = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.client = client
        self._rest_s, self._clock = rest_s, clock
        self._rests_until = -math.inf
        self._scripts: Mapping[str, Script] = {
            name: client.register_script(source) for name, source in sources().items()
        }

    def run(self, name: str, *args: str | int | float) -> Any:
        """Run one script; the reply's shape is in the script's header. Raises Unavailable."""
        return self.ask(lambda: self._scripts[name](keys=[], args=args))

    def run_each(self, name: str, *args: str | int | float, each: Sequence[Sequence[str | int | float]]) -> list[Any]:
        """Run one script several times, each time with more arguments; a single time is a single round trip."""
        if len(each) == 1:
            return [self.run(name, *args, *each[0])]
        with self.pipeline() as pipe:
            for more in each:
                pipe.run(name, *args, *more)
        return pipe.replies

    @contextmanager
    def pipeline(self) -> Iterator[Pipeline]:
        """Several scripts in one round trip, sent at the end of the block. Raises Unavailable."""
        with self.client.pipeline(transaction=False) as pipe:
            waiting = Pipeline(self._scripts, pipe)
            yield waiting
            waiting.replies = self.ask(pipe.execute)

    def ask(self, question: Any) -> Any:
        """Do something with Redis, turning its ways of being away into Unavailable."""
        if self._clock() < self._rests_until:
            raise Unavailable("Redis did not answer a moment ago")
        try:
            return question()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            if isinstance(error, redis.TimeoutError):
                self._rests_until = self._clock() + self._rest_s
            raise Unavailable(f"Redis does not answer: {type(error).__name__}") from error
        except redis.ResponseError as error:
            if isinstance(error, _CANNOT_BY_CLASS) or any(word in str(error) for word in _CANNOT):
                raise Unavailable(f"Redis cannot take it: {error}") from error
            raise


def pairs(flat: Sequence[str]) -> dict[str, str]:
    """A hash as a script replies it."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


@cache
def sources() -> Mapping[str, str]:
    """Script name -> its text, the prelude included."""
    folder = Path(__file__).with_name("lua")
    prelude = "\n".join(_texts(folder / "prelude").values())
    named = _keys_in(prelude)
    return {
        name: "\n".join([*_functions(named | _keys_in(text)), prelude, text]) for name, text in _texts(folder).items()
    }


def _texts(folder: Path) -> dict[str, str]:
    """File name without its ending -> the text, in the order of the names."""
    return {file.stem: file.read_text() for file in sorted(folder.glob("*.lua"))}


def _keys_in(text: str) -> set[str]:
    return set(_KEY.findall(text))


def _functions(named: Container[str]) -> Iterator[str]:
    """One for each key that is named, no more: Lua has no more than 200 locals."""
    for name, pattern in PATTERNS.items():
        if name in named:
            yield f'local function {name}_key(...) return string.format("{pattern}", ...) end'
