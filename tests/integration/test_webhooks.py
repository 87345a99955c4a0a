"""Each gateway's webhook calls have an address of their own, and are known by what the gateway signs or carries."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.domain.instance import Instance
from broadcast.engine.registering import Registration, register
from broadcast.pacing import Rules
from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.tasks.figures import Figures
from broadcast.web import create_webhook_app
from broadcast.wiring import Services, build_services
from broadcast.wsgi import _binding

SECRET = "5ecre7-of-the-webhooks"
#: GATEWAY -> the settings that it takes, and the one that its calls are known by
SETTINGS: dict[str, dict[str, str]] = {
    "evolution": {"evolution_url": "http://127.0.0.1:1", "evolution_api_key": "k", "webhook_token": SECRET},
    "cloud": {"cloud_api_token": "EAA", "cloud_app_secret": SECRET, "cloud_verify_token": "our word"},
    "waha": {"waha_url": "http://127.0.0.1:1", "waha_api_key": "k", "waha_hmac_key": SECRET},
}
#: GATEWAY -> the headers of a call that is its own
SIGNED: dict[str, Callable[[bytes], dict[str, str]]] = {
    "evolution": lambda _: {"Authorization": f"Bearer {SECRET}"},
    "cloud": lambda body: {
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    },
    "waha": lambda body: {"X-Webhook-Hmac": hmac.new(SECRET.encode(), body, hashlib.sha512).hexdigest()},
}
#: GATEWAY -> a call which says that the instance can send no more
CLOSED: dict[str, dict[str, Any]] = {
    "evolution": {"event": "connection.update", "data": {"state": "close", "statusReason": 401}},
    "cloud": {"entry": [{"changes": [{"field": "account_update", "value": {"event": "ACCOUNT_DELETED"}}]}]},
    "waha": {"event": "session.status", "session": "loja", "payload": {"status": "FAILED"}},
}


@contextmanager
def webhooks(redis_url: str, gateway: str) -> Iterator[FlaskClient]:
    services = build_services(Settings(redis_url=redis_url, gateway=gateway, **SETTINGS[gateway]))
    yield create_webhook_app(services).test_client()
    services.store.scripts.client.close()


@pytest.mark.parametrize("rest", ["", "/", "/messages-update"])
@pytest.mark.parametrize("gateway", SETTINGS)
def test_a_gateways_own_call_is_acted_on(redis_url: str, store: Store, gateway: str, rest: str) -> None:
    body = json.dumps(CLOSED[gateway]).encode()
    with webhooks(redis_url, gateway) as client:
        answer = client.post(f"/webhooks/{gateway}/loja{rest}", data=body, headers=SIGNED[gateway](body))

    assert answer.status_code == 204
    # Meta tells of an account that may not write; the others of a session that ended.
    assert store.lanes.look("loja")[0]["hold"] == ("restricted" if gateway == "cloud" else "closed")


@pytest.mark.parametrize(
    ("token", "is_open", "code"), [(None, True, 401), (SECRET, True, 401), (None, False, 204), (SECRET, False, 401)]
)
def test_strangers_are_not_believed_of_an_instance_without_a_secret(
    redis_url: str, store: Store, token: str | None, is_open: bool, code: int
) -> None:
    sandbox = Instance(id="teste", dialect="sandbox", url="http://127.0.0.1:1")
    store.instances.keep(sandbox, Rules())  # as one that was registered before anybody asked for a secret
    secret = SECRET if is_open else None
    services = build_services(
        Settings(
            redis_url=redis_url, gateway="cloud", cloud_api_token="EAA", cloud_app_secret=secret, webhook_token=token
        )
    )
    client = create_webhook_app(services).test_client()
    key = {"remoteJid": "5511999990001@s.whatsapp.net", "fromMe": False}
    wrote = {"event": "messages.upsert", "data": {"key": key, "message": {"conversation": "SAIR"}}}

    answers = [client.post("/webhooks/evolution/teste", json=call) for call in (CLOSED["evolution"], wrote)]
    own = client.post("/webhooks/evolution/teste", json=wrote, headers=SIGNED["evolution"](b""))
    services.store.scripts.client.close()

    assert [answer.status_code for answer in answers] == [code, code]
    assert own.status_code == (401 if code == 401 and token is None else 204)
    assert store.lanes.look("teste").fields.get("hold") == (None if code == 401 else "closed")
    assert _binding("webhook", services.settings)["bind"].startswith("0.0.0.0" if is_open else "127.0.0.1")


@pytest.mark.parametrize("gateway", SETTINGS)
def test_a_forged_call_changes_nothing(redis_url: str, store: Store, gateway: str) -> None:
    body = json.dumps(CLOSED[gateway]).encode()
    name, value = next(iter(SIGNED[gateway](body).items()))
    with webhooks(redis_url, gateway) as client:
        for headers in ({}, {name: value[:-1] + ("0" if value[-1] != "0" else "1")}, {name: ""}, {name: "é"}):
            assert client.post(f"/webhooks/{gateway}/loja", data=body, headers=headers).status_code == 401

    assert "hold" not in store.lanes.look("loja")[0]


@pytest.mark.parametrize("gateway", SETTINGS)
def test_an_instance_is_not_there_in_another_dialect(redis_url: str, store: Store, gateway: str) -> None:
    with webhooks(redis_url, gateway) as client:
        for other in SETTINGS.keys() - {gateway}:
            body = json.dumps(CLOSED[other]).encode()
            answer = client.post(f"/webhooks/{other}/loja", data=body, headers=SIGNED[other](body))
            assert (answer.status_code, answer.json["code"]) == (404, "not_found")

    assert "hold" not in store.lanes.look("loja")[0]


def test_meta_hears_its_own_word_if_it_knows_ours(redis_url: str) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "<b>1158201444</b>", "hub.verify_token": "our word"}
    with webhooks(redis_url, "cloud") as client:
        answer = client.get("/webhooks/cloud/loja", query_string=asked)
        stranger = client.get("/webhooks/cloud/loja", query_string={**asked, "hub.verify_token": "another"})
        nobody = client.get("/webhooks/cloud/loja")

    assert (answer.status_code, answer.text) == (200, "<b>1158201444</b>")
    assert answer.content_type.startswith("text/plain")
    assert [stranger.status_code, nobody.status_code] == [403, 403]


def test_meta_is_to_ask_again_where_we_cannot_read_the_word(redis_url: str, store: Store) -> None:
    credentials = {"token": "t", "appSecret": "s", "verifyToken": "our word"}
    wanted = Registration(instance="loja", dialect="cloud", url="http://x", credentials=credentials, rules=Rules())
    register(store, wanted, secret_key="k" * 32, only_sandbox=False)
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "our word"}
    with webhooks(redis_url, "cloud") as client:  # without that SECRET_KEY
        answer = client.get("/webhooks/cloud/loja", query_string=asked)

    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (503, "unavailable", "60")
    assert "our word" not in answer.text


def test_no_other_gateway_asks_before_it_posts(redis_url: str) -> None:
    with webhooks(redis_url, "waha") as client:
        assert client.get("/webhooks/cloud/loja").status_code == 404
        assert client.get("/webhooks/waha/loja").status_code == 405
        assert client.post("/webhooks/telegram/loja").status_code == 404


@pytest.mark.parametrize("gateway", SETTINGS)
def test_without_its_secret_nobody_but_this_host_may_call(gateway: str, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(gateway=gateway, **SETTINGS[gateway])
    assert _binding("webhook", settings)["bind"] == "0.0.0.0:3002"

    others = {name: value for name, value in SETTINGS[gateway].items() if value != SECRET}
    with caplog.at_level("WARNING"):
        assert _binding("webhook", Settings(gateway=gateway, **others))["bind"] == "127.0.0.1:3002"
    assert {"evolution": "WEBHOOK_TOKEN", "cloud": "CLOUD_APP_SECRET", "waha": "WAHA_HMAC_KEY"}[gateway] in caplog.text


@pytest.mark.parametrize("gateway", SETTINGS)
def test_a_call_that_comes_to_nothing_is_told_and_counted(
    redis_url: str, services: Services, store: Store, gateway: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, broken, packed = f"/webhooks/{gateway}/loja", b"{broken", gzip.compress(json.dumps(CLOSED[gateway]).encode())
    with webhooks(redis_url, gateway) as client, caplog.at_level("WARNING"):
        assert client.post(path, data=b"{}").status_code == 401
        assert client.post(path, data=broken, headers=SIGNED[gateway](broken)).status_code == 202
        # Nothing between us and the gateway should compress; what is its own even then is not refused for good.
        headers = {**SIGNED[gateway](packed), "Content-Encoding": "gzip"}
        assert client.post(path, data=packed, headers=headers).status_code == 202
        # Too much of it to be read, so nobody can say whether it is signed; it would be no smaller the next time.
        client.application.config["MAX_CONTENT_LENGTH"] = 10
        large = json.dumps(CLOSED[gateway]).encode()
        assert client.post(path, data=large, headers=SIGNED[gateway](large)).status_code == 202
        metrics = "".join(str(family) for family in Figures(lambda: services).collect())

    assert store.webhooks.tally() == {"unsigned": 1, "unreadable": 2, "too_large": 1}
    assert [word in caplog.text for word in ("not signed", "no JSON", "too large")] == [True] * 3
    assert "broadcast_webhook_calls_left_out" in metrics
    assert SECRET not in caplog.text
    assert "hold" not in store.lanes.look("loja")[0]


@pytest.mark.parametrize("gateway", ["evolution", "cloud", "waha"])
def test_a_call_that_breaks_off_is_to_be_told_again(redis_url: str, gateway: str) -> None:
    with webhooks(redis_url, gateway) as client:
        answer = client.post(
            f"/webhooks/{gateway}/loja",
            input_stream=io.BytesIO(b'{"event":'),
            environ_overrides={"CONTENT_LENGTH": "100", "wsgi.input_terminated": True},
        )
    assert answer.status_code == 503
