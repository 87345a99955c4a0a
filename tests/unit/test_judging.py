"""What is said about a Redis: each choice that risks campaigns is named, with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from broadcast.domain.finding import Finding, Level
from broadcast.engine.judging import judge_redis
from broadcast.store.server import Seen

OK, WARNING, ERROR = Level.OK, Level.WARNING, Level.ERROR

#: As the embedded Redis 6.2.14 says it.
INFO: dict[str, Any] = {
    "redis_version": "6.2.14", "role": "master", "cluster_enabled": 0, "loading": 0, "aof_enabled": 1,
    "aof_last_write_status": "ok", "aof_last_bgrewrite_status": "ok", "rdb_last_bgsave_status": "ok",
    "maxmemory": 0, "maxmemory_policy": "noeviction", "used_memory": 900_000,
}  # fmt: skip
CONFIG = {"save": "", "appendfsync": "everysec"}


def judged(
    info: dict[str, Any] | None = None, config: dict[str, str] | None = None, *, ahead_s: float | None = 0.0
) -> dict[str, Finding]:
    """The findings by subject, of a Redis that is fine but for these."""
    seen = Seen(info={**INFO, **(info or {})}, config=CONFIG if config is None else config, clock_ahead_s=ahead_s)
    return {found.subject: found for found in judge_redis(seen)}


def test_a_redis_as_it_should_be_has_no_fault() -> None:
    findings = judged()
    assert {found.level for found in findings.values()} == {OK}
    assert {"redis version", "redis persistence", "redis eviction", "redis memory", "clock"} == set(findings)


@pytest.mark.parametrize(
    ("info", "subject", "level", "word"),
    [
        ({"redis_version": "6.0.16"}, "redis version", ERROR, "6.2"),
        ({"redis_version": "5.0"}, "redis version", ERROR, "6.2"),
        ({"redis_version": 7.2}, "redis version", OK, "7.2"),
        ({"redis_version": "10.0.1"}, "redis version", OK, "10"),
        ({"redis_version": ""}, "redis version", ERROR, "unknown"),
        ({"role": "slave", "slave_read_only": 1}, "redis role", ERROR, "no writes"),
        ({"role": "slave", "slave_read_only": 0}, "redis role", ERROR, "next sync"),
        ({"cluster_enabled": 1}, "redis role", ERROR, "Cluster"),
        ({"aof_last_write_status": "err"}, "redis disk", ERROR, "write"),
        ({"aof_last_bgrewrite_status": "err"}, "redis disk", ERROR, "rewrite"),
        ({"maxmemory_policy": "allkeys-lru"}, "redis eviction", WARNING, "if maxmemory"),
        ({"maxmemory_policy": "allkeys-lru", "maxmemory": 10**9}, "redis eviction", ERROR, "throws away"),
        ({"maxmemory_policy": "volatile-ttl", "maxmemory": 10**9}, "redis eviction", ERROR, "throws away"),
        ({"used_memory": 81, "maxmemory": 100}, "redis memory", WARNING, "full"),
        ({"used_memory": 80, "maxmemory": 100}, "redis memory", OK, "MB"),
    ],
)
def test_what_would_hurt_is_named(info: dict[str, Any], subject: str, level: Level, word: str) -> None:
    found = judged(info)[subject]
    assert found.level is level
    assert word in found.text
    assert bool(found.remedy) is (level is not OK)


@pytest.mark.parametrize(
    ("appends", "config", "level", "word"),
    [
        (1, {"save": "", "appendfsync": "always"}, OK, "before it answers"),
        (1, {"save": "3600 1", "appendfsync": "everysec"}, OK, "within a second"),
        (1, {"save": "", "appendfsync": "no"}, WARNING, "30 s"),
        (1, {}, OK, "could not be seen"),
        (0, {"save": "", "appendfsync": "everysec"}, ERROR, "lose every campaign at a restart"),
        (0, {"save": "3600 1 300 100", "appendfsync": "everysec"}, WARNING, "sent again"),
        (0, {}, WARNING, "does not tell"),
    ],
)
def test_persistence_is_judged_by_what_it_would_lose(
    appends: int, config: dict[str, str], level: Level, word: str
) -> None:
    found = judged({"aof_enabled": appends}, config)["redis persistence"]
    assert (found.level, word in found.text) == (level, True), found


def test_a_failed_snapshot_matters_only_where_snapshots_are_made() -> None:
    failed = {"rdb_last_bgsave_status": "err"}
    assert "redis disk" not in judged(failed, {"save": "", "appendfsync": "everysec"})
    assert judged(failed, {"save": "3600 1", "appendfsync": "everysec"})["redis disk"].level is ERROR
    assert judged(failed, {})["redis disk"].level is ERROR  # perhaps they are


@pytest.mark.parametrize(
    ("ahead_s", "level", "word"),
    [(1.9, OK, "agree"), (-1.9, OK, "agree"), (7.0, WARNING, "7 s behind"), (-7.0, WARNING, "7 s ahead of"),
     (None, WARNING, "TIME")],
)  # fmt: skip
def test_clocks_that_disagree_are_told_of(ahead_s: float | None, level: Level, word: str) -> None:
    found = judged(ahead_s=ahead_s)["clock"]
    assert (found.level, word in found.text) == (level, True), found


def test_a_redis_that_says_nothing_is_one_warning() -> None:
    (found,) = judge_redis(Seen(info=None, config={}, clock_ahead_s=None))
    assert (found.level, "INFO" in found.text) == (WARNING, True)


def test_the_embedded_redis_is_synced_by_its_supervisor() -> None:
    info = {"redis_version": "6.2.14", "aof_enabled": 1, "maxmemory_policy": "noeviction"}
    seen = Seen(info=info, config={"appendfsync": "no", "save": ""}, clock_ahead_s=0)
    levels = {is_embedded: _level(seen, is_embedded) for is_embedded in (False, True)}
    assert levels == {False: Level.WARNING, True: Level.OK}


def _level(seen: Seen, is_embedded: bool) -> Level:
    (found,) = (one for one in judge_redis(seen, is_embedded=is_embedded) if one.subject == "redis persistence")
    return found.level
