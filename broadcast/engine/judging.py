"""Judging the Redis that holds everything: a campaign is only as safe as its configuration."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Mapping

from broadcast.domain.caller import Key
from broadcast.domain.finding import Finding, Level, error, ok, warning
from broadcast.errors import Unavailable
from broadcast.store import Store
from broadcast.store.server import Seen

log = logging.getLogger(__name__)

#: The oldest Redis that we test against.
OLDEST = (6, 2)
#: Above this share of maxmemory there is no room for another large campaign.
MEMORY_SHARE = 0.8
#: Clocks further apart than this are told of: a task's ETA is by its host's clock.
CLOCK_S = 2.0

_APPEND = "Set `appendonly yes` and `appendfsync everysec`, in its configuration or with CONFIG SET and CONFIG REWRITE."
_ASK = "Make sure of `appendonly yes` with whoever runs it."
_DISK = "Look at its log and at its disk: space, quota, rights."

#: append-only, snapshots (None: not seen) -> what that keeps
_KEPT = {
    (False, False): error("redis persistence", "nothing on disk: would lose every campaign at a restart", _APPEND),
    (False, None): warning("redis persistence", "not append-only, and it does not tell whether it saves at all", _ASK),
    (False, True): warning(
        "redis persistence",
        "snapshots only: a crash forgets what was sent since the last one, and it would be sent again",
        _APPEND,
    ),
}

#: appendfsync -> how much is forgotten. Measured on Redis 6.2.14 with a disk whose syncs take 0.7 s: with `everysec` a
#: kill -9 of Redis forgot up to 1.8 s of what it had answered, with `no` and `always` nothing.
_SYNCED = {
    "always": ok("redis persistence", "append-only, on disk before it answers"),
    "everysec": ok(
        "redis persistence",
        "append-only, on disk within a second; a kill of Redis during its own sync forgets up to two",
    ),
    "no": warning(
        "redis persistence",
        "append-only, but with `appendfsync no` a crash of the host forgets some 30 s",
        "Set `appendfsync everysec`.",
    ),
    None: ok("redis persistence", "append-only; how often it is on disk could not be seen, CONFIG is not allowed"),
}

_SYNCED_BY_US = ok(
    "redis persistence",
    "append-only; a kill forgets nothing, and `broadcast up` takes it to the disk once a second",
)

#: INFO's field -> what failed when it is `err`; Redis takes no more writes then, or soon
_WRITES = {
    "aof_last_write_status": "the last write to the append-only file failed",
    "aof_last_bgrewrite_status": "the last rewrite of the append-only file failed, so it only grows",
    "rdb_last_bgsave_status": "the last snapshot failed",
}


def judge_redis(seen: Seen, *, is_embedded: bool = False) -> list[Finding]:
    """What is to be said about this Redis, the good included. `broadcast up` syncs the embedded one's files itself."""
    if seen.info is None:
        return [warning("redis", "INFO is not allowed, so nothing could be seen", "Allow this user INFO and TIME.")]
    return [
        _version(seen.info),
        *_role(seen.info),
        _SYNCED_BY_US if is_embedded and _appends(seen) else _persistence(seen),
        *_writes(seen),
        _eviction(seen.info),
        _memory(seen.info),
        _clock(seen.clock_ahead_s),
    ]


def judge_hashes(kept: Mapping[str, int], *, ours: str) -> list[Finding]:
    """What is to be said about how forgotten people are kept: how many by the fingerprint of the key, and our key's."""
    subject, plain = "forgotten people", kept.get("", 0)
    strange = sum(count for fingerprint, count in kept.items() if fingerprint not in ("", ours))
    if strange:
        text = f"{strange} who opted out are kept by a hash of another SECRET_KEY: if named again, they are written to"
        return [error(subject, text, "Set the SECRET_KEY that they were forgotten with, for every process.")]
    if plain and not ours:
        text = f"{plain} who opted out are kept by a plain hash: a copy of Redis gives their numbers away"
        return [warning(subject, text, "Set SECRET_KEY for every process, and keep it.")]
    if plain:
        return [ok(subject, f"{plain} who opted out are kept by a plain hash still, until they are named again")]
    return [ok(subject, "none is kept in a way that gives a number away, or that is no longer understood")]


def judge_names(created: Iterable[Key], *, of_settings: Collection[str]) -> list[Finding]:
    """What is to be said about keys that were created under the name of one in API_KEYS."""
    names = sorted({key.caller.name for key in created if key.revoked_ms is None} & set(of_settings))
    if not names:
        return []
    text = (
        f"{', '.join(names)}: created, and in API_KEYS as well: they share limit and drafts, and logs name them alike"
    )
    return [warning("keys", text, "Revoke the created one with `broadcast keys revoke`, or rename it in API_KEYS.")]


def warn_of_redis(store: Store, *, of_settings: Collection[str] = (), is_embedded: bool = False) -> bool:
    """Log what is wrong with Redis, or with what it keeps, and what to do; False when it could not be asked."""
    try:
        findings = judge_redis(store.server.look(), is_embedded=is_embedded)
        ours = store.suppressions.fingerprint
        if store.suppressions.made_with() - {ours}:
            findings += judge_hashes(store.suppressions.hashes(), ours=ours)
        if of_settings:
            findings += judge_names(store.callers.every(), of_settings=of_settings)
    except Unavailable as away:
        log.warning("Redis could not be looked at: %s", away, extra={"action": "judge"})
        return False
    for found in findings:
        if found.level is not Level.OK:
            level = logging.ERROR if found.level is Level.ERROR else logging.WARNING
            log.log(level, "%s: %s. %s", found.subject, found.text, found.remedy, extra={"action": "judge"})
    return True


def _version(info: Mapping[str, object]) -> Finding:
    text = str(info.get("redis_version", ""))
    found = re.match(r"(\d+)\.(\d+)", text)
    if found and (int(found[1]), int(found[2])) >= OLDEST:
        return ok("redis version", text)
    return error("redis version", f"{text or 'unknown'}; 6.2 is the oldest that works", "Use Redis 6.2 or newer.")


def _role(info: Mapping[str, object]) -> list[Finding]:
    if info.get("cluster_enabled"):
        return [error("redis role", "a Cluster; the state lives on one Redis", "Use one Redis, with replicas.")]
    if info.get("role") != "slave":
        return []
    problem = "takes no writes" if info.get("slave_read_only", 1) else "loses what is written at the next sync"
    return [error("redis role", f"a replica, which {problem}", "Point REDIS_URL at the primary.")]


def _persistence(seen: Seen) -> Finding:
    if _appends(seen):
        return _SYNCED.get(seen.config.get("appendfsync"), _SYNCED[None])
    return _KEPT[False, _saves(seen)]


def _appends(seen: Seen) -> bool:
    return bool(seen.info and seen.info.get("aof_enabled"))


def _saves(seen: Seen) -> bool | None:
    points = seen.config.get("save")
    return None if points is None else bool(points.strip())


def _writes(seen: Seen) -> list[Finding]:
    """A snapshot that failed matters only where snapshots are on: then Redis refuses to write on."""
    matters = {"rdb_last_bgsave_status": _saves(seen) is not False}
    info = seen.info or {}
    return [
        error("redis disk", problem, _DISK)
        for field, problem in _WRITES.items()
        if info.get(field) == "err" and matters.get(field, _appends(seen))
    ]


def _eviction(info: Mapping[str, object]) -> Finding:
    policy = str(info.get("maxmemory_policy", "unknown"))
    if policy == "noeviction":
        return ok("redis eviction", policy)
    remedy = "Set `maxmemory-policy noeviction`: full, it then refuses new campaigns and keeps those it has."
    if info.get("maxmemory"):
        return error("redis eviction", f"{policy}: when memory is full it throws away parts of campaigns", remedy)
    return warning("redis eviction", f"{policy}: would throw away parts of campaigns if maxmemory were set", remedy)


def _memory(info: Mapping[str, object]) -> Finding:
    used, most = (int(str(info.get(field, 0))) for field in ("used_memory", "maxmemory"))
    if not most:
        return ok("redis memory", f"{used / 2**20:.0f} MB, no maxmemory")
    text = f"{used / 2**20:.0f} of {most / 2**20:.0f} MB"
    if used > MEMORY_SHARE * most:
        return warning("redis memory", f"{text}: when it is full, no campaign is accepted", "Raise maxmemory.")
    return ok("redis memory", text)


def _clock(ahead_s: float | None) -> Finding:
    if ahead_s is None:
        return warning("clock", "TIME is not allowed, so Redis's clock could not be seen", "Allow this user TIME.")
    if abs(ahead_s) <= CLOCK_S:
        return ok("clock", f"this host and Redis agree within {CLOCK_S:.0f} s")
    text = f"this host is {abs(ahead_s):.0f} s {'behind' if ahead_s > 0 else 'ahead of'} Redis"
    return warning("clock", f"{text}: tasks wait for their time by each host's own clock", "Run NTP on both hosts.")
