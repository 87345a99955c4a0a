"""What `broadcast doctor` looks at. Each check takes a few seconds at the most, and none changes anything."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kombu.connection import Connection as Broker

from broadcast.api.health import NEEDED
from broadcast.domain.answer import Busy
from broadcast.domain.finding import Finding, error, ok, warning
from broadcast.domain.instance import Instance
from broadcast.engine.judging import judge_redis
from broadcast.engine.sending import PATIENCE_MS
from broadcast.errors import SettingsError, Unavailable
from broadcast.gateways.http import CONNECT_S, Http, Response
from broadcast.gateways.meta import is_metas
from broadcast.logs import masked
from broadcast.settings import Settings, variable_of
from broadcast.store import Store
from broadcast.tasks import QUEUES, VISIBILITY_TIMEOUT_S
from broadcast.wiring import Gateways, is_embedded, redis_url

#: Seconds that anybody who is asked has for the answer.
ANSWER_S = 3
#: Beat asks for a tick each second, and its claim can be seen for half of one: s to look for it, and between looks.
TICK_S = 4.0
LOOK_S = 0.1
#: Free MB on the disk of the embedded Redis: below the first it may stop at any time, below the second soon.
LEAST_MB, FEW_MB = 100, 1024

Check = Callable[[Settings], list[Finding]]


def check(settings: Settings, *, instance: str | None = None) -> Iterator[Finding]:
    """Look at everything; what is away is a finding, and the rest is looked at all the same."""
    for subject, look in CHECKS.items():
        yield from _findings(subject, lambda look=look: look(settings))  # type: ignore[misc]  # mypy and defaults
    if instance:
        yield from _findings("instance", lambda: [_instance(settings, instance)])


def wrong_setting(subject: str, wrong: SettingsError) -> Finding:
    """The finding that a SettingsError is."""
    return error(subject, str(wrong).removesuffix(wrong.remedy).rstrip(" ."), wrong.remedy)


def _findings(subject: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return look()
    except SettingsError as wrong:
        return [wrong_setting(subject, wrong)]
    except Unavailable as away:
        why = masked(str(away.__cause__ or away))
        return [error(subject, f"not seen, since Redis does not answer: {why}", "Start Redis, or correct REDIS_URL.")]
    except Exception as strange:  # one check that fails must not hide what the others find
        return [error(subject, masked(f"{type(strange).__name__}: {strange}"), "Look at what it says, and try again.")]


@contextmanager
def _store(settings: Settings) -> Iterator[Store]:
    store = Store(redis_url(settings), answer_s=ANSWER_S)
    with closing(store.scripts.client):
        yield store


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
            settings.api_keys and not getattr(settings, settings.access.checks_webhooks),
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
    with _store(settings) as store:
        return judge_redis(store.server.look(), is_embedded=is_embedded(settings))


def _keys(settings: Settings) -> list[Finding]:
    if settings.api_keys or settings.supabase_jwt_secret or settings.gateway == "sandbox":
        return []
    with _store(settings) as store:
        return judge_keys(is_any=store.callers.find([]).is_any)


def judge_keys(*, is_any: bool) -> list[Finding]:
    """Whether somebody needs a key, where the settings have none and messages reach people."""
    if is_any:
        return []
    text = "there is none: who reaches this host's loopback, through a proxy too, sends to real people"
    return [warning("keys", text, "Make one with `broadcast keys create`, or set API_KEYS; then start `web` again.")]


def _broker(settings: Settings) -> list[Finding]:
    if not settings.broker_url:
        return []
    timeouts = {"socket_timeout": ANSWER_S, "socket_connect_timeout": ANSWER_S, "max_retries": 0}
    options = timeouts if settings.broker_url.startswith("redis") else {}
    made = Broker(settings.broker_url, connect_timeout=ANSWER_S, transport_options=options)  # type: ignore[no-untyped-call]  # kombu ships no types
    with made as broker:
        where = broker.as_uri()  # without the password
        try:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=ANSWER_S)
            broker.default_channel  # noqa: B018 - Redis is not asked before
        except Exception as away:  # each transport has errors of its own, and some that it does not name
            return [error("broker", masked(f"{where} does not answer: {away}"), "Start it, or correct BROKER_URL.")]
    return [ok("broker", f"{where} answers")]


def _workers(settings: Settings) -> list[Finding]:
    with _store(settings) as store:
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
    with _store(settings) as store:
        if not store.workers.alive("control"):
            return [warning("beat", "not seen: its tick needs a worker on the queue control", "Start that first.")]
        while time.monotonic() < deadline:
            if store.workers.is_claimed("tick"):
                return [ok("beat", "it ticks")]
            time.sleep(LOOK_S)
    text = f"no tick in {TICK_S:.0f} s: nothing begins as scheduled, and lanes stand still"
    return [error("beat", text, "Start one (any number may run): celery -A broadcast.worker beat")]


#: Our code for why an address was not reached -> in words, and what to do
_UNREACHED: Mapping[str, tuple[str, str]] = {
    "gateway_name_unknown": ("nobody knows its name", "Correct the name, or look at DNS on this host."),
    "gateway_tls_failed": ("TLS failed", "Look at its certificate, or whether it speaks https at all."),
    "gateway_unreachable": ("it lets nobody connect", "Start it, or correct the address; look at firewalls."),
    "gateway_connect_timeout": ("no connection in time", "Correct the address, or look at firewalls."),
    "gateway_timeout": ("connected, but no answer in time", "Look at its log: it hangs, or another program is there."),
}
_LOST = ("it ends the connection without an answer", "Look at its log, or whether it wants https.")


def _ask(subject: str, url: str, path: str) -> Response | Finding:
    """The answer to a GET; or the finding that there is none."""
    answer = Http(url, timeout_s=ANSWER_S, headers={}).ask("GET", path)
    if isinstance(answer, Busy):
        words, remedy = _UNREACHED.get(answer.reason, _LOST)
        return error(subject, masked(f"{url}: {words} ({answer.detail})"), remedy)
    if answer.status >= 500:
        return error(subject, masked(f"{url} answers {answer.status}"), "Look at its log, or at the proxy before it.")
    return answer


@dataclass(frozen=True)
class _Greeting:
    """How a server of a dialect is known by its answer to one who has no key."""

    name: str
    path: str
    is_its: Callable[[Mapping[str, Any]], bool]
    ends: str  #: how its address must end


_EVOLUTION = _Greeting("Evolution API", "/", lambda body: "version" in body, "without a path")
#: GATEWAY -> how its server greets
_GREETINGS: Mapping[str, _Greeting] = {
    "sandbox": _EVOLUTION,
    "evolution": _EVOLUTION,
    # There is nothing to get at its root, and it says so in its own envelope.
    "cloud": _Greeting("the Graph API", "/", lambda body: is_metas(body.get("error")), "with the version, as /v23.0"),
    # Some want the key even for this.
    "waha": _Greeting(
        "WAHA", "/ping", lambda body: body.get("message") == "pong" or body.get("statusCode") == 401, "without a path"
    ),
}


def _gateway(settings: Settings) -> list[Finding]:
    greeting, url = _GREETINGS[settings.gateway], settings.gateway_url
    answer = _ask("gateway", url, greeting.path)
    if isinstance(answer, Finding):
        return [answer]
    where = masked(url)
    if isinstance(answer.json, dict) and greeting.is_its(answer.json):
        version = str(answer.json.get("version", ""))[:20]
        return [ok("gateway", f"{where} answers: {settings.gateway} {version}".rstrip())]
    text = f"{where} answers {answer.status}, but not as {greeting.name} does at {greeting.path}"
    variable = variable_of(settings.access.url)
    return [warning("gateway", text, f"Make sure that {variable} is its address, {greeting.ends}.")]


def _instance(settings: Settings, instance: str) -> Finding:
    gateways = Gateways(replace(settings, send_timeout_s=ANSWER_S), lambda name: _registered(settings, name))
    state = gateways.of(instance).probe(instance)
    if state is None:
        remedy = "Look at the instance's name, at the key, and whether it is just connecting."
        return warning("instance", f"the gateway does not say how {instance} is", remedy)
    if state.is_open:
        return ok("instance", f"{instance} is open")
    return error("instance", f"{instance} cannot send: {state.reason}", "Connect it in the gateway.")


def _registered(settings: Settings, instance: str) -> Instance | None:
    """The instance in the registry; without Redis, which is a finding of its own, it is looked for at GATEWAY's."""
    try:
        with _store(settings) as store:
            return store.instances.find(instance)
    except (SettingsError, Unavailable):
        return None


def _door(name: str, port_of: Callable[[Settings], int]) -> Check:
    """Whether our own process answers on its port of this host."""

    def look(settings: Settings) -> list[Finding]:
        url = f"http://127.0.0.1:{port_of(settings)}"
        answer = _ask(name, url, "/health/live")
        if isinstance(answer, Finding):
            return [replace(answer, remedy=f"Start it on this host: broadcast {name}")]
        if answer.json == {"live": True}:
            return [ok(name, f"{url} answers")]
        return [error(name, f"{url} is another program's", "Stop that, or give ours another port.")]

    return look


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
    "keys": _keys,
    "broker": _broker,
    "queues": _workers,
    "beat": _beat,
    "gateway": _gateway,
    "web": _door("web", lambda settings: settings.port),
    "webhook": _door("webhook", lambda settings: settings.webhook_port),
    "disk": _disk,
}
