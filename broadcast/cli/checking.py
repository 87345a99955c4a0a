"""What `broadcast doctor` looks at. Each check takes a few seconds at the most, and none changes anything."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from broadcast.api.health import NEEDED
from broadcast.cli.hearing import look_at_callbacks, look_at_webhooks
from broadcast.cli.reaching import Check, door, look_at_broker, look_at_gateway, look_at_instance, stored
from broadcast.domain.finding import Finding, error, ok, warning
from broadcast.engine.judging import judge_hashes, judge_names, judge_redis
from broadcast.engine.sending import PATIENCE_MS
from broadcast.errors import SettingsError, Unavailable
from broadcast.gateways.http import CONNECT_S
from broadcast.logs import masked
from broadcast.settings import Settings, variable_of
from broadcast.tasks import QUEUES, VISIBILITY_TIMEOUT_S
from broadcast.wiring import is_embedded

#: Beat asks for a tick each second, and its claim can be seen for half of one: s to look for it, and between looks.
TICK_S = 4.0
LOOK_S = 0.1
#: Free MB on the disk of the embedded Redis: below the first it may stop at any time, below the second soon.
LEAST_MB, FEW_MB = 100, 1024


def check(settings: Settings, *, instance: str | None = None) -> Iterator[Finding]:
    """Look at everything; what is away is a finding, and the rest is looked at all the same."""
    away: Unavailable | None = None
    for subject, look in CHECKS.items():
        if away is not None and subject in OF_REDIS:  # it has had its time
            yield _unseen(subject, away)
            continue
        try:
            yield from _findings(subject, partial(look, settings))
        except Unavailable as error:
            away = error
            yield _unseen(subject, error)
    if instance:
        yield from _findings("instance", lambda: [look_at_instance(settings, instance)])


def wrong_setting(subject: str, wrong: SettingsError) -> Finding:
    """The finding that a SettingsError is."""
    return error(subject, str(wrong).removesuffix(wrong.remedy).rstrip(" ."), wrong.remedy)


def _findings(subject: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return look()
    except SettingsError as wrong:
        return [wrong_setting(subject, wrong)]
    except Unavailable:
        raise
    except Exception as strange:  # one check that fails must not hide what the others find
        return [error(subject, masked(f"{type(strange).__name__}: {strange}"), "Look at what it says, and try again.")]


def _unseen(subject: str, away: Unavailable) -> Finding:
    why = masked(str(away.__cause__ or away))
    return error(subject, f"not seen, since Redis does not answer: {why}", "Start Redis, or correct REDIS_URL.")


def judge_settings(settings: Settings) -> list[Finding]:
    """Settings that are right one by one and contradict each other."""
    again_s, more_s = VISIBILITY_TIMEOUT_S, PATIENCE_MS / 1000 + CONNECT_S
    held_s = settings.fanout_horizon_s + settings.send_timeout_s + more_s
    lane_a_s = 1000 / settings.default_rate_limit_ms
    taken = {settings.port: "PORT", settings.webhook_port: "WEBHOOK_PORT", settings.flower_port: "FLOWER_PORT"}
    is_sandbox = settings.gateway == "sandbox"
    real = [variable_of(name) for name in ("evolution_url", "cloud_api_token", "waha_url") if getattr(settings, name)]
    secret = variable_of(settings.access.checks_webhooks)
    #: whether it is so -> what it means, what to do
    rules: tuple[tuple[object, str, str], ...] = (
        (
            is_sandbox and (settings.api_keys or real),
            (
                "GATEWAY is sandbox, though this looks like the real thing: campaigns reach nobody, "
                "but for those of registered instances"
            ),
            f"Set GATEWAY, or take {' and '.join(['API_KEYS', *real])} away.",
        ),
        (
            settings.api_keys and not settings.checks_webhooks,
            f"API_KEYS is set and {secret} is not: receipts are taken from this host only, and from anybody on it",
            f"Set {secret}, and give it to the gateway's webhooks.",
        ),
        (
            held_s >= again_s,
            (
                f"FANOUT_HORIZON_S and SEND_TIMEOUT_S let a worker hold a task for {held_s:.0f} s; after {again_s} s "
                "another is given it too: the fence keeps it from being sent twice, but its batch is reported too early"
            ),
            f"Keep their sum below {again_s - more_s:.0f}.",
        ),
        (
            _a_second(settings.send_rate_limit) < lane_a_s,
            f"SEND_RATE_LIMIT {settings.send_rate_limit} is slower than one instance at DEFAULT_RATE_LIMIT_MS",
            "Raise SEND_RATE_LIMIT: it is a fuse, and the pace is kept elsewhere.",
        ),
        (
            settings.worker_http_port in taken,
            f"WORKER_HTTP_PORT is also {taken.get(settings.worker_http_port)}: who starts first has it",
            "Give each a port of its own.",
        ),
    )
    found = [warning("settings", text, remedy) for is_so, text, remedy in rules if is_so]
    return found or [ok("settings", "read, and none contradicts another")]


def _a_second(rate: str) -> float:
    count, _, unit = rate.partition("/")
    return int(count) / {"s": 1, "m": 60, "h": 3600}[unit]


def _redis(settings: Settings) -> list[Finding]:
    with stored(settings) as store:
        return judge_redis(store.server.look(), is_embedded=is_embedded(settings))


def _forgotten(settings: Settings) -> list[Finding]:
    with stored(settings) as store:
        return judge_hashes(store.suppressions.hashes(), ours=store.suppressions.fingerprint)


def _keys(settings: Settings) -> list[Finding]:
    if settings.api_keys:
        with stored(settings) as store:
            return judge_names(store.callers.every(), of_settings=settings.key_names)
    if settings.supabase_jwt_secret or settings.gateway == "sandbox":
        return []
    with stored(settings) as store:
        return judge_keys(is_any=store.callers.find([]).is_any)


def judge_keys(*, is_any: bool) -> list[Finding]:
    """Whether somebody needs a key, where the settings have none and messages reach people."""
    if is_any:
        return []
    text = "there is none: who reaches this host's loopback, through a proxy too, sends to real people"
    return [warning("keys", text, "Make one with `broadcast keys create`, or set API_KEYS; then start `web` again.")]


def _workers(settings: Settings) -> list[Finding]:
    with stored(settings) as store:
        return [_queue(queue, store.workers.alive(queue)) for queue in QUEUES]


def _queue(queue: str, workers: int) -> Finding:
    subject = f"queue {queue}"
    if workers:
        return ok(subject, f"{workers} live worker{'s' if workers > 1 else ''}")
    say = error if queue in NEEDED else warning
    remedy = f"Start one: celery -A broadcast.worker worker -Q {queue} -n {queue}@%h"
    return say(subject, f"no live worker; on it: {QUEUES[queue]}", remedy)


def _beat(settings: Settings) -> list[Finding]:
    deadline = time.monotonic() + TICK_S
    with stored(settings) as store:
        if not store.workers.alive("control"):
            return [warning("beat", "not seen: its tick needs a worker on the queue control", "Start that first.")]
        while time.monotonic() < deadline:
            if store.workers.is_claimed("tick"):
                return [ok("beat", "it ticks")]
            time.sleep(LOOK_S)
    text = f"no tick in {TICK_S:.0f} s: nothing begins as scheduled, and lanes stand still"
    return [error("beat", text, "Start one (any number may run): celery -A broadcast.worker beat")]


def _disk(settings: Settings) -> list[Finding]:
    """Space for the embedded Redis; a Redis elsewhere tells of its disk itself."""
    if settings.redis_url:
        return []
    folder = settings.data_dir.resolve()
    while not folder.exists():
        folder = folder.parent
    return [judge_disk(settings.data_dir, shutil.disk_usage(folder).free)]


def judge_disk(folder: Path, free: int) -> Finding:
    """Whether so many free bytes are enough for the embedded Redis, which now and then writes all anew."""
    free_mb = free // 2**20
    text = f"{free_mb} MB free in {folder}"
    if free_mb >= FEW_MB:
        return ok("disk", text)
    say = error if free_mb < LEAST_MB else warning
    return say("disk", f"{text}: on a full disk Redis takes no more campaigns", "Make room, or move DATA_DIR.")


CHECKS: Mapping[str, Check] = {
    "settings": judge_settings,
    "redis": _redis,
    "forgotten people": _forgotten,
    "keys": _keys,
    "broker": look_at_broker,
    "queues": _workers,
    "beat": _beat,
    "callbacks": look_at_callbacks,
    "gateway": look_at_gateway,
    "web": door("web", lambda settings: settings.port),
    "webhook": door("webhook", lambda settings: settings.webhook_port),
    "webhooks": look_at_webhooks,
    "disk": _disk,
}
#: Those that need nothing but Redis.
OF_REDIS = ("forgotten people", "queues", "beat", "callbacks", "webhooks")
