"""What Redis says when it cannot take a write, by version and by client, is all one to us: come back later."""

from __future__ import annotations

import pytest
import redis

from broadcast.errors import Unavailable
from broadcast.store.scripts import Scripts, connect

CANNOT = [
    redis.exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
    redis.exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'. script: f, on @user:1."),
    redis.exceptions.ReadOnlyError("You can't write against a read only replica."),
    redis.exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
    redis.exceptions.NoScriptError("No matching script. Please use EVAL."),
    redis.exceptions.MasterDownError("Link with MASTER is down"),
    redis.exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots, but it cannot persist on disk."),
    redis.exceptions.ResponseError("Error running script (call to f_1): @user_script:1: -OOM command not allowed"),
    redis.ConnectionError("Connection refused"),
    redis.TimeoutError("Timeout reading from socket"),
]


@pytest.mark.parametrize("error", CANNOT, ids=lambda error: f"{type(error).__name__}: {error}"[:60])
def test_what_redis_cannot_do_now_is_unavailable(error: redis.RedisError) -> None:
    def raise_it() -> None:
        raise error

    with pytest.raises(Unavailable):
        Scripts(connect("redis://127.0.0.1:1")).ask(raise_it)


def test_a_fault_of_ours_is_not_taken_for_redis_being_away() -> None:
    def raise_it() -> None:
        raise redis.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")

    with pytest.raises(redis.ResponseError):
        Scripts(connect("redis://127.0.0.1:1")).ask(raise_it)


def test_who_did_not_answer_is_left_alone_for_a_moment() -> None:
    now, asked = [0.0], []

    def ask(error: redis.RedisError | None) -> None:
        asked.append(error)
        if error:
            raise error

    scripts = Scripts(connect("redis://127.0.0.1:1"), rest_s=1.0, clock=lambda: now[0])
    for error in (redis.ConnectionError("Connection refused"), redis.TimeoutError("Timeout reading from socket")):
        with pytest.raises(Unavailable):
            scripts.ask(lambda error=error: ask(error))
    now[0] = 0.9
    with pytest.raises(Unavailable):
        scripts.ask(lambda: ask(None))
    assert len(asked) == 2  # who refuses is asked again at once, and who is silent is not
    now[0] = 1.1
    scripts.ask(lambda: ask(None))
    assert len(asked) == 3
