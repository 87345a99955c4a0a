"""Reaching what an installation speaks with: its Redis, its broker, its gateway, and its own doors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from kombu.connection import Connection as Broker

from broadcast.domain.answer import Busy
from broadcast.domain.finding import Finding, error, ok, warning
from broadcast.domain.instance import Instance
from broadcast.engine.remedies import CONNECT, in_words, remedy_for
from broadcast.errors import SettingsError, Unavailable
from broadcast.gateways.http import Http, Response
from broadcast.gateways.meta import is_metas
from broadcast.logs import masked
from broadcast.settings import Settings, variable_of
from broadcast.store import Store
from broadcast.wiring import Gateways, redis_url

#: Seconds that anybody who is asked has for the answer.
ANSWER_S = 3

Check = Callable[[Settings], list[Finding]]


@contextmanager
def stored(settings: Settings) -> Iterator[Store]:
    """The store, for as long as a check looks at it. Raises SettingsError."""
    store = Store(redis_url(settings), answer_s=ANSWER_S, secret_key=settings.secret_key)
    with closing(store.scripts.client):
        yield store


def look_at_broker(settings: Settings) -> list[Finding]:
    """Whether the broker answers; nothing where Redis is it."""
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


def look_at_gateway(settings: Settings) -> list[Finding]:
    """Whether the gateway of the settings answers as its kind does."""
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


def look_at_instance(settings: Settings, instance: str) -> Finding:
    """Whether the instance can send, by the word of its gateway."""
    gateways = Gateways(replace(settings, send_timeout_s=ANSWER_S), lambda name: _registered(settings, name))
    state = gateways.of(instance).probe(instance)
    if state is None:
        remedy = "Try again in a minute: it may be connecting, or its gateway away. Look at the finding on the gateway."
        return warning("instance", f"the gateway does not say how {instance} is", remedy)
    if state.is_open:
        return ok("instance", f"{instance} is open")
    return error("instance", f"{instance} cannot send: {in_words(state.reason)}", remedy_for(state.reason) or CONNECT)


def _registered(settings: Settings, instance: str) -> Instance | None:
    """The instance in the registry; without Redis, which is a finding of its own, it is looked for at GATEWAY's."""
    try:
        with stored(settings) as store:
            return store.instances.find(instance)
    except (SettingsError, Unavailable):
        return None


def door(name: str, port_of: Callable[[Settings], int]) -> Check:
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
