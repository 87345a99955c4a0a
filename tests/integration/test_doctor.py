"""`broadcast doctor`, and what is logged at start, against real servers: wrong, hung, away, or as they should be."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from click.testing import CliRunner

from broadcast.cli import main
from broadcast.cli.hearing import MOST_NAMED, judge_callbacks, judge_webhooks
from broadcast.domain.contact import Status
from broadcast.domain.finding import Level
from broadcast.domain.receipt import Receipt
from broadcast.engine import steering
from broadcast.engine.accepting import accept
from broadcast.engine.judging import judge_redis
from broadcast.engine.registering import Registration, register
from broadcast.gateways.sandbox.ledger import Ledger
from broadcast.gateways.sandbox.server import Behaviour, Sandbox
from broadcast.pacing import Rules
from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.store.callbacks import Failing
from broadcast.store.keys import key
from broadcast.store.tickets import Go, Outcome
from broadcast.tasks import QUEUES, create_celery
from broadcast.wiring import build_services
from tests.builders import an_order
from tests.crm import Crm, a_crm, call_all, hurry
from tests.lanes import ask, fan_out, tickets
from tests.processes import Process, RedisServer, free_port, wait_for
from tests.stubs import answering, raw_server

Options = Mapping[str, Sequence[str]]
NOTHING_KEPT: Options = {"appendonly": ["no"]}


@contextmanager
def stored(url: str) -> Iterator[Store]:
    store = Store(url)
    yield store
    store.scripts.client.close()


def doctor(*arguments: str, **env: str) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit code, and the findings by subject."""
    result = CliRunner().invoke(main, ["doctor", "--json", *arguments], env=env)
    return result.exit_code, {found["subject"]: found for found in json.loads(result.output)}


def levels(findings: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {subject: found["level"] for subject, found in findings.items()}


def nowhere() -> dict[str, str]:
    """An installation of which nothing runs."""
    return {
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "SANDBOX_URL": f"http://127.0.0.1:{free_port()}",
        "PORT": str(free_port()),
        "WEBHOOK_PORT": str(free_port()),
    }


# What Redis says about itself.


def test_the_tests_own_redis_is_configured_well(store: Store) -> None:
    assert {found.level for found in judge_redis(store.server.look())} == {Level.OK}


@pytest.mark.parametrize(
    ("options", "subject", "level", "word"),
    [
        (NOTHING_KEPT, "redis persistence", Level.ERROR, "lose every campaign"),
        ({"appendonly": ["no"], "save": ["3600", "1"]}, "redis persistence", Level.WARNING, "snapshots only"),
        ({"appendfsync": ["no"]}, "redis persistence", Level.WARNING, "30 s"),
        ({"maxmemory": ["64mb"], "maxmemory-policy": ["allkeys-lru"]}, "redis eviction", Level.ERROR, "allkeys-lru"),
        ({"maxmemory-policy": ["volatile-lru"]}, "redis eviction", Level.WARNING, "volatile-lru"),
        ({"maxmemory": ["1mb"]}, "redis memory", Level.WARNING, "of 1 MB"),
        ({"replicaof": ["127.0.0.1", "1"]}, "redis role", Level.ERROR, "takes no writes"),
        ({"rename-command": ["CONFIG", ""]}, "redis persistence", Level.OK, "could not be seen"),
        (
            {"rename-command": ["CONFIG", ""], "appendonly": ["no"]},
            "redis persistence",
            Level.WARNING,
            "does not tell",
        ),
        ({"rename-command": ["INFO", ""]}, "redis", Level.WARNING, "INFO is not allowed"),
    ],
)
def test_a_redis_that_risks_campaigns_is_seen(
    tmp_path: Path, options: Options, subject: str, level: Level, word: str
) -> None:
    with RedisServer(tmp_path, options) as server, stored(server.url()) as store:
        found = {found.subject: found for found in judge_redis(store.server.look())}[subject]
    assert (found.level, word in found.text) == (level, True), found


def test_a_clock_that_is_off_is_seen_and_a_slow_way_is_not_taken_for_it(store: Store) -> None:
    assert store.server.look(clock=lambda: time.time() - 60).clock_ahead_s == pytest.approx(60, abs=20)
    assert store.server.look(clock=lambda: time.time() + 60).clock_ahead_s == pytest.approx(-60, abs=20)
    moments = iter((time.time() - 10, time.time() + 10))
    assert store.server.look(clock=lambda: next(moments)).clock_ahead_s == 0


# A socket file instead of a port.


def test_redis_on_a_socket_file_serves_the_store_the_broker_and_the_results(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with RedisServer(tmp_path, {"unixsocket": [str(path)]}) as server:
        with redis.Redis.from_url(server.url()) as client:
            client.config_set("requirepass", "geheim")
        url = f"unix://:geheim@{path}?db=2"
        settings = Settings.read({"REDIS_URL": url})
        services = build_services(settings)
        app = create_celery(settings, services)
        app.backend.set_chord_size("a-batch", 3)
        app.tasks["broadcast.tick"].delay()
        client = services.store.scripts.client
        assert client.llen("control:5") == 1  # in database 2, with Celery's priorities
        command = [sys.executable, "-m", "celery", "-A", "broadcast.worker", "worker", "-Q", "control", "-c", "2"]
        worker = Process("worker", command, folder=tmp_path, env={"REDIS_URL": url})
        try:
            wait_for(lambda: services.workers("control"), what="the worker's sign of life")
            wait_for(lambda: not client.llen("control:5"), what="the tick to be taken")
        finally:
            worker.stop()
            app.close()
            client.close()
    assert "CRITICAL" not in worker.output()


# The command.


def test_when_everything_is_down_each_check_says_so() -> None:
    began = time.monotonic()
    code, findings = doctor(**nowhere(), BROKER_URL=f"amqp://u:geheim@127.0.0.1:{free_port()}//")
    assert (code, time.monotonic() - began < 60) == (1, True)
    assert levels(findings) == {
        "settings": "ok", "redis": "error", "forgotten people": "error", "broker": "error", "queues": "error",
        "beat": "error", "callbacks": "error", "gateway": "error", "web": "error", "webhook": "error",
        "webhooks": "error",
    }  # fmt: skip
    assert all(found["remedy"] for found in findings.values() if found["level"] != "ok")
    assert "refused" in findings["redis"]["text"]
    assert "geheim" not in json.dumps(findings)


def test_without_any_redis_ever_the_rest_is_looked_at(tmp_path: Path) -> None:
    code, findings = doctor(**{**nowhere(), "REDIS_URL": ""}, DATA_DIR=str(tmp_path / "data"))
    assert code == 1
    assert "no embedded Redis" in findings["redis"]["text"]
    assert "broadcast up" in findings["redis"]["remedy"]
    assert findings["disk"]["level"] in ("ok", "warning")


@pytest.mark.slow
def test_a_redis_that_hangs_takes_seconds_and_not_forever() -> None:
    with raw_server(lambda connection: time.sleep(120)) as url:
        address = url.replace("http", "redis")
        began = time.monotonic()
        code, findings = doctor(**{**nowhere(), "REDIS_URL": address}, BROKER_URL=address)
    assert time.monotonic() - began < 60
    assert [findings[name]["level"] for name in ("redis", "broker", "queues", "beat")] == ["error"] * 4
    assert code == 1


def test_a_wrong_setting_is_a_finding() -> None:
    code, findings = doctor(PORT="http")
    assert (code, list(findings), "PORT" in findings["settings"]["text"]) == (1, ["settings"], True)
    assert "whole number" in findings["settings"]["remedy"]


@contextmanager
def _door() -> Iterator[str]:
    """The port of a process of ours that is alive."""
    with answering(200, {"live": True}) as (url, _):
        yield url.rsplit(":", 1)[1]


@pytest.fixture
def well(redis_url: str) -> Iterator[dict[str, str]]:
    """An installation as `doctor` sees it when all is well: who is alive, and who answers."""
    sandbox = Sandbox(0, ledger=Ledger(), behaviour=Behaviour())
    threading.Thread(target=sandbox.serve_forever, daemon=True).start()
    with stored(redis_url) as store, _door() as web, _door() as webhook:
        for queue in QUEUES:
            store.workers.beat(queue, "w")
        store.workers.claim("tick", for_ms=30_000)
        yield {"REDIS_URL": redis_url, "SANDBOX_URL": sandbox.url, "PORT": web, "WEBHOOK_PORT": webhook}
    sandbox.shutdown()
    sandbox.server_close()


def test_an_installation_that_is_well_ends_with_0(well: dict[str, str]) -> None:
    code, findings = doctor("--instance", "loja", **well, BROKER_URL=well["REDIS_URL"])
    assert (code, {found["level"] for found in findings.values()}) == (0, {"ok"}), findings
    assert {"broker", "queue broadcast", "queue control", "beat", "gateway", "web", "webhook", "instance"} <= {
        *findings
    }

    result = CliRunner().invoke(main, ["doctor"], env=well)
    assert result.exit_code == 0
    assert "queue broadcast" in " ".join(result.output.split())


def test_a_beat_that_stands_still_and_a_queue_without_a_worker_are_seen(store: Store, redis_url: str) -> None:
    store.workers.beat("control", "w")
    _, findings = doctor(**{**nowhere(), "REDIS_URL": redis_url})
    assert (findings["beat"]["level"], "no tick" in findings["beat"]["text"]) == ("error", True)
    assert (findings["queue control"]["level"], findings["queue broadcast"]["level"]) == ("ok", "error")


#: GATEWAY -> the settings of its address, and of its key
GATEWAYS = {
    "evolution": ("EVOLUTION_URL", "EVOLUTION_API_KEY"),
    "cloud": ("CLOUD_API_URL", "CLOUD_API_TOKEN"),
    "waha": ("WAHA_URL", "WAHA_API_KEY"),
}


@pytest.mark.parametrize(
    ("gateway", "status", "body", "level", "word"),
    [
        ("evolution", 200, {"status": 200, "version": "2.3.7"}, "ok", "2.3.7"),
        ("evolution", 200, "<html>hello</html>", "warning", "not as Evolution"),
        ("evolution", 404, {"message": "no"}, "warning", "404"),
        ("evolution", 502, "bad gateway", "error", "502"),
        ("cloud", 400, {"error": {"code": 100, "type": "GraphMethodException"}}, "ok", "answers: cloud"),
        ("cloud", 404, {"error": {"code": 404, "message": "not found"}}, "warning", "not as the Graph API"),
        ("cloud", 404, "<html>", "warning", "not as the Graph API"),
        ("waha", 200, {"message": "pong"}, "ok", "answers: waha"),
        ("waha", 401, {"message": "Unauthorized", "statusCode": 401}, "ok", "answers: waha"),
        ("waha", 404, {"message": "Cannot GET /ping", "statusCode": 404}, "warning", "not as WAHA does at /ping"),
    ],
)
def test_who_answers_for_the_gateway_is_told_apart(gateway: str, status: int, body: Any, level: str, word: str) -> None:
    with answering(status, body) as (url, seen):
        address, key = GATEWAYS[gateway]
        _, findings = doctor(**nowhere(), **{"GATEWAY": gateway, address: url, key: "geheim-key"})
    assert (findings["gateway"]["level"], word in findings["gateway"]["text"]) == (level, True), findings["gateway"]
    assert address in findings["gateway"]["remedy"] or level != "warning"
    assert "geheim-key" not in str(seen)


@pytest.mark.parametrize(
    ("url", "word"),
    [("http://gateway.invalid", "nobody knows its name"), ("https://{plain}", "TLS failed")],
)
def test_why_a_gateway_is_not_reached_is_said_in_words(url: str, word: str) -> None:
    with answering(200, {}) as (plain, _):
        address = url.replace("{plain}", plain.removeprefix("http://"))
        gateway = {"GATEWAY": "evolution", "EVOLUTION_URL": address, "EVOLUTION_API_KEY": "k"}
        _, findings = doctor(**nowhere(), **gateway)
    assert (findings["gateway"]["level"], word in findings["gateway"]["text"]) == ("error", True), findings["gateway"]
    assert findings["gateway"]["remedy"]


@pytest.mark.parametrize(
    ("status", "message", "text", "remedy"),
    [
        (401, "Unauthorized", "does not take the key", "credentials"),
        (404, ['The "loja" instance does not exist'], "knows no such instance", "name"),
    ],
)
def test_why_an_instance_is_refused_is_told_with_what_to_do(status: int, message: Any, text: str, remedy: str) -> None:
    with answering(status, {"status": status, "error": "x", "response": {"message": message}}) as (url, _):
        gateway = {"GATEWAY": "evolution", "EVOLUTION_URL": url, "EVOLUTION_API_KEY": "k"}
        _, findings = doctor("--instance", "loja", **nowhere(), **gateway)
    assert findings["instance"]["level"] == "error"
    assert text in findings["instance"]["text"]
    assert remedy in findings["instance"]["remedy"]


def test_a_registered_instance_is_asked_for_at_its_own_gateway(store: Store, redis_url: str) -> None:
    with answering(200, {"instance": {"instanceName": "loja", "state": "close"}}) as (url, seen):
        credentials = {"apiKey": "its-own", "webhookToken": "t"}
        wanted = Registration(instance="loja", dialect="evolution", url=url, credentials=credentials, rules=Rules())
        register(store, wanted, secret_key="s" * 32, only_sandbox=False)
        env = {**nowhere(), "REDIS_URL": redis_url, "SECRET_KEY": "s" * 32}
        _, findings = doctor("--instance", "loja", **env)
        _, unreadable = doctor("--instance", "loja", **{**env, "SECRET_KEY": "t" * 32})
    assert (findings["instance"]["level"], [one["headers"]["apikey"] for one in seen]) == ("error", ["its-own"])
    assert "SECRET_KEY" in unreadable["instance"]["text"]


@pytest.mark.parametrize(("state", "level"), [("open", "ok"), ("close", "error"), ("connecting", "warning")])
def test_an_instance_that_cannot_send_is_seen(state: str, level: str) -> None:
    with answering(200, {"instance": {"instanceName": "loja", "state": state}}) as (url, _):
        gateway = {"GATEWAY": "evolution", "EVOLUTION_URL": url, "EVOLUTION_API_KEY": "k"}
        _, findings = doctor("--instance", "loja", **nowhere(), **gateway)
    assert findings["instance"]["level"] == level


def test_another_program_on_our_port_is_not_taken_for_ours() -> None:
    with answering(200, {"hello": "there"}) as (url, _):
        _, findings = doctor(**{**nowhere(), "PORT": url.rsplit(":", 1)[1]})
    assert (findings["web"]["level"], "another program" in findings["web"]["text"]) == ("error", True)


# Whether news get through.


def waiting_callback(store: Store, crm: Crm, campaign: str = "c1") -> None:
    accept(store, an_order(campaign, contacts=1, callback_url=crm.url), country="BR")


def test_a_crm_that_takes_no_callbacks_is_told_of(store: Store, redis_url: str) -> None:
    with a_crm() as crm:
        waiting_callback(store, crm)
        waiting_callback(store, crm, "c2")
        crm.answer = lambda _: 500
        for times in range(1, 4):
            call_all(store)
            _, findings = doctor(**{**nowhere(), "REDIS_URL": redis_url})
            assert findings["callbacks"]["level"] == ("warning" if times == 3 else "ok"), times
            hurry(store, crm.host, "c1", "c2")
        text = findings["callbacks"]["text"]
        assert crm.host in text
        assert "3 times in a row: answered 500; campaigns concerned: 2" in text
        assert "/campaigns/c1/callbacks" in findings["callbacks"]["remedy"]

        crm.answer = lambda _: 204
        call_all(store)
    assert doctor(**{**nowhere(), "REDIS_URL": redis_url})[1]["callbacks"]["level"] == "ok"


def test_a_crm_that_does_not_answer_is_told_of_by_why(store: Store, redis_url: str) -> None:
    with a_crm() as crm:
        waiting_callback(store, crm)
    for _ in range(3):
        call_all(store)
        hurry(store, crm.host, "c1")
    _, findings = doctor(**{**nowhere(), "REDIS_URL": redis_url})
    assert (findings["callbacks"]["level"], "unreachable" in findings["callbacks"]["text"]) == ("warning", True)


def test_callbacks_that_nobody_delivers_are_an_error(store: Store, redis_url: str) -> None:
    with a_crm() as crm:
        waiting_callback(store, crm)
    _, findings = doctor(**{**nowhere(), "REDIS_URL": redis_url})
    assert (findings["callbacks"]["level"], findings["callbacks"]["text"]) == (
        "error",
        "1 wait, and nobody delivers them",
    )
    store.workers.beat("callbacks", "w1")
    assert doctor(**{**nowhere(), "REDIS_URL": redis_url})[1]["callbacks"]["level"] == "ok"


def sent(store: Store, *, contacts: int = 1, ago_s: float = 120) -> list[str]:
    """Messages that the gateway of i1 took, the last of them so long ago; their ids."""
    accept(store, an_order(contacts=contacts), country="BR")
    store.workers.beat("broadcast", "w1")
    ids = []
    for ticket in tickets(fan_out(store)):
        while not isinstance(ask(store, ticket, ahead_ms=5000), Go):
            pass
        ids.append(f"m{ticket.number}")
        store.contacts.record(ticket, Outcome(status=Status.SENT, message_id=ids[-1], answer="accepted"))
    store.scripts.client.hincrby(key("lane", "i1"), "left", -int(ago_s * 1000))
    return ids


def webhooks(redis_url: str, **env: str) -> dict[str, str]:
    return doctor(**{**nowhere(), "REDIS_URL": redis_url, **env})[1]["webhooks"]


def test_an_instance_that_sent_and_never_had_a_receipt_is_told_of_with_the_address(
    store: Store, redis_url: str
) -> None:
    assert webhooks(redis_url)["level"] == "ok"  # nothing was sent
    (message,) = sent(store)
    store.webhooks.left_out("unsigned")
    found = webhooks(redis_url, WEBHOOK_PORT="3999", WEBHOOK_TOKEN="geheim-token-of-the-webhook")
    assert (found["level"], "i1 has sent" in found["text"], "1 calls" in found["text"]) == ("warning", True, True)
    assert "port 3999, /webhooks/evolution/i1" in found["remedy"]
    assert "geheim" not in str(found)

    store.contacts.settle("i1", [Receipt(message_id=message, status=Status.DELIVERED)])
    assert webhooks(redis_url)["level"] == "ok"
    steering.hold_lane(store, "i1")
    steering.open_lane(store, "i1")  # which begins to count failures anew
    assert not store.contacts.recent("i1")
    assert webhooks(redis_url)["level"] == "ok"


@pytest.mark.parametrize(("contacts", "ago_s", "level"), [(1, 0, "ok"), (25, 0, "warning")])
def test_a_receipt_is_given_time_to_come(store: Store, redis_url: str, contacts: int, ago_s: float, level: str) -> None:
    sent(store, contacts=contacts, ago_s=ago_s)
    assert webhooks(redis_url)["level"] == level


def test_the_address_is_in_the_language_of_the_instance(store: Store, redis_url: str) -> None:
    sent(store)
    credentials = {"apiKey": "its-own", "hmacKey": "h" * 32}
    wanted = Registration(
        instance="i1", dialect="waha", url="http://127.0.0.1:1", credentials=credentials, rules=Rules()
    )
    register(store, wanted, secret_key="s" * 32, only_sandbox=False)
    found = webhooks(redis_url, SECRET_KEY="s" * 32)
    assert "/webhooks/waha/i1" in found["remedy"]
    assert "docs/howto/waha.md" in found["remedy"]


def test_many_of_a_kind_are_counted() -> None:
    silent = [f"i{number}" for number in range(MOST_NAMED + 2)]
    found = judge_webhooks(silent, unsigned=0, port=1, dialect_of=lambda _: "evolution")
    assert (len(found), found[-1].text) == (MOST_NAMED + 1, "the same of 2 more")
    failing = [Failing(host=name, campaigns=1, campaign="c", failures=3, http=500, error=None) for name in silent]
    assert len(judge_callbacks(failing, waiting=1, workers=1)) == MOST_NAMED + 1


# What is logged at start.


@contextmanager
def running(folder: Path, *command: str, **env: str) -> Iterator[Process]:
    process = Process("it", [sys.executable, "-m", *command], folder=folder, env=env)
    try:
        yield process
    finally:
        process.stop()


def answers(port: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"http://127.0.0.1:{port}/health/live", timeout=5).ok
    return False


@pytest.mark.parametrize(("name", "variable"), [("web", "PORT"), ("webhook", "WEBHOOK_PORT")])
def test_a_server_warns_once_at_start_however_many_workers_it_has(tmp_path: Path, name: str, variable: str) -> None:
    port = str(free_port())
    with RedisServer(tmp_path, NOTHING_KEPT) as server:
        env = {"REDIS_URL": server.url(), variable: port}
        with running(tmp_path, "broadcast.cli", name, **env) as process:
            wait_for(lambda: answers(port), what=name)
    assert process.output().count("would lose every campaign at a restart. Set `appendonly yes`") == 1


def test_a_server_starts_without_redis_and_says_that_it_could_not_look(tmp_path: Path) -> None:
    env = nowhere()
    with running(tmp_path, "broadcast.cli", "web", **env) as process:
        wait_for(lambda: answers(env["PORT"]), what="web")
    assert process.output().count("Redis could not be looked at") == 1


def test_a_worker_warns_once_even_when_redis_comes_later(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, NOTHING_KEPT)
    env = {"REDIS_URL": server.url(), "WORKER_HTTP_PORT": str(free_port())}
    with running(tmp_path, "celery", "-A", "broadcast.worker", "worker", "-Q", "control", "-c", "2", **env) as process:
        wait_for(lambda: "Cannot connect" in process.output(), what="the worker to miss Redis")
        with server:
            wait_for(lambda: "would lose every campaign" in process.output(), what="the warning")
            time.sleep(4)  # the next sign of life
            process.stop()
    assert process.output().count("would lose every campaign") == 1
