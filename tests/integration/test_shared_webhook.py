"""One app of Meta's has one webhook address for all its numbers: each status finds the instance that sent it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.domain.contact import Status
from broadcast.domain.phone import identity
from broadcast.domain.receipt import Receipt
from broadcast.engine import accepting, inspecting, registering, settling, steering, telling
from broadcast.engine.registering import Registration, register
from broadcast.pacing import Rules
from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.tasks import create_celery
from broadcast.tasks.upkeep import watch
from broadcast.web import create_webhook_app
from broadcast.wiring import BELIEVED_S, Services, build_services
from tests.builders import an_order
from tests.integration.test_news import round_trips
from tests.lanes import have_left
from tests.processes import wait_for

SECRET, ANOTHER = "5ecre7-of-our-app", "5ecre7-of-another-app"
KEY = "k" * 40
#: instance -> its number's id, its account's id, its app's secret
INSTANCES = {
    "loja": ("1001", "501", SECRET),
    "filial": ("1002", "501", SECRET),
    "matriz": ("1003", "502", SECRET),
    "vizinho": ("1004", "503", ANOTHER),
    "1005": (None, None, SECRET),  # named by its number's id
    "sem-conta": ("1006", None, SECRET),
}


@pytest.fixture
def client(redis_url: str, store: Store) -> Iterator[FlaskClient]:
    for name, (number, account, secret) in INSTANCES.items():
        put(store, name, number, account, secret)
    settings = Settings(
        redis_url=redis_url, gateway="cloud", cloud_api_token="EAA", cloud_app_secret=SECRET, secret_key=KEY
    )
    services = build_services(settings)
    yield create_webhook_app(services).test_client()
    services.store.scripts.client.close()


def put(store: Store, name: str, number: str | None, account: str | None, secret: str) -> None:
    given = {"token": "EAA", "appSecret": secret, "phoneNumberId": number, "wabaId": account}
    credentials = {key: value for key, value in given.items() if value is not None}
    wanted = Registration(
        instance=name, dialect="cloud", url="http://127.0.0.1:1", credentials=credentials, rules=Rules()
    )
    register(store, wanted, secret_key=KEY, only_sandbox=False)


def status(number: str | None, campaign: str, word: str = "delivered") -> dict[str, Any]:
    item = {"id": f"wamid.{campaign}", "status": word, "biz_opaque_callback_data": f"{campaign}:0"}
    metadata = {"metadata": {"phone_number_id": number}} if number else {}
    return {"field": "messages", "value": {**metadata, "statuses": [item]}}


def banned() -> dict[str, Any]:
    return {"field": "account_update", "value": {"event": "ACCOUNT_DELETED"}}


def post(
    client: FlaskClient, *changes: dict[str, Any], to: str = "loja", account: str = "501", key: str = SECRET
) -> int:
    body = json.dumps({"entry": [{"id": account, "time": 1743451903, "changes": list(changes)}]}).encode()
    signature = "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return client.post(f"/webhooks/cloud/{to}", data=body, headers={"X-Hub-Signature-256": signature}).status_code


def sent(store: Store, instance: str, campaign: str) -> None:
    accepting.accept(store, an_order(campaign, contacts=1, instance=instance), country="BR")
    have_left(store, campaign)
    receipt = Receipt(message_id=f"wamid.{campaign}", status=Status.SENT, reference=f"{campaign}:0")
    assert settling.settle(store, instance, [receipt]) == 1


def delivered(store: Store, campaign: str) -> int:
    return telling.progress(store, campaign).counts[Status.DELIVERED]


@pytest.mark.parametrize("instance", ["loja", "filial", "matriz", "1005", "1007"])
def test_a_status_finds_the_instance_that_has_its_number(client: FlaskClient, store: Store, instance: str) -> None:
    number = INSTANCES.get(instance, (instance,))[0] or instance  # 1007 is nobody's but the settings'
    sent(store, instance, "natal")

    assert post(client, status(number, "natal")) == 204

    assert delivered(store, "natal") == 1


@pytest.mark.parametrize("to", ["1001", "app", "1070", "1003", "1005", "1002"])
@pytest.mark.parametrize(("instance", "number"), [("loja", "1001"), ("1007", "1007"), ("1005", "1005")])
def test_a_status_finds_its_instance_from_whatever_address_the_app_has(
    client: FlaskClient, store: Store, to: str, instance: str, number: str
) -> None:
    sent(store, instance, "natal")

    assert post(client, status(number, "natal"), to=to) == 204

    assert delivered(store, "natal") == 1


def test_another_tenants_numbers_are_out_of_reach(
    client: FlaskClient, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    sent(store, "vizinho", "natal")
    sent(store, "loja", "junho")

    assert post(client, status("1004", "natal")) == 204
    assert post(client, status("1001", "junho"), to="vizinho", key=ANOTHER) == 204
    assert post(client, status("1004", "natal"), to="vizinho") == 401

    assert [delivered(store, "natal"), delivered(store, "junho")] == [0, 0]
    assert "number/1001 is no instance whose calls are known by the same secret" in caplog.text


@pytest.mark.parametrize(("instance", "number"), [("filial", "1002"), ("1007", "1007")])
def test_a_tenant_who_registers_the_same_number_keeps_nobody_from_it(
    client: FlaskClient, store: Store, instance: str, number: str
) -> None:
    sent(store, instance, "natal")
    put(store, "vizinho", number, "501", ANOTHER)

    assert post(client, status(number, "natal")) == 204
    assert delivered(store, "natal") == 1


def test_a_number_that_moved_to_another_instance_is_found_there(client: FlaskClient, store: Store) -> None:
    put(store, "filial", "1009", "501", SECRET)
    put(store, "nova", "1002", "501", SECRET)
    sent(store, "nova", "natal")

    assert post(client, status("1002", "natal")) == 204
    assert delivered(store, "natal") == 1
    assert store.instances.named("number/1002") == frozenset({"nova"})


def test_who_was_registered_by_an_earlier_version_is_found_after_upkeep(client: FlaskClient, store: Store) -> None:
    for name, (number, account, _) in INSTANCES.items():  # as it was kept then
        store.scripts.client.hdel(key("instance", name), "names")
        store.scripts.client.delete(key("named", f"number/{number or name}"), key("named", f"account/{account}"))
    sent(store, "filial", "natal")
    sent(store, "matriz", "junho")
    put(store, "matriz", "1009", "502", SECRET)  # somebody registers it again before upkeep comes

    assert registering.name_all(store, KEY) == len(INSTANCES) - 1
    assert registering.name_all(store, KEY) == 0
    assert not store.instances.name("matriz", ["number/1003"])

    assert post(client, status("1002", "natal")) == 204
    assert delivered(store, "natal") == 1
    assert store.instances.named("number/1003") == frozenset()
    assert store.instances.named("account/502") == {"matriz"}


def test_upkeep_looks_for_them(services: Services, store: Store) -> None:
    sent(store, "filial", "natal")
    put(store, "filial", "1002", "501", SECRET)
    store.scripts.client.hdel(key("instance", "filial"), "names")
    store.scripts.client.delete(key("named", "number/1002"))
    app = create_celery(services.settings, services)
    app.conf.task_always_eager = True
    try:
        watch.delay()
        assert store.instances.named("number/1002") == {"filial"}
    finally:
        app.conf.task_always_eager = False


@pytest.mark.parametrize(
    ("account", "to", "closed"),
    [
        ("501", "loja", {"loja", "filial"}),
        ("502", "loja", {"matriz"}),
        ("503", "loja", set()),  # another tenant's
        ("501", "sem-conta", {"loja", "filial"}),
        ("777", "loja", set()),  # nobody's
        ("777", "sem-conta", set()),  # perhaps its own: nobody said which that is
    ],
)
def test_news_of_an_account_are_of_its_instances(
    client: FlaskClient, store: Store, account: str, to: str, closed: set[str]
) -> None:
    assert post(client, banned(), to=to, account=account) == 204

    assert restricted(store) == closed
    assert store.webhooks.tally().get("of_nobody", 0) == (not closed)


def restricted(store: Store) -> set[str]:
    return {name for name in [*INSTANCES, "1007", "1008"] if inspecting.lane(store, name).state == "restricted"}


@pytest.mark.parametrize(
    ("account", "to", "closed"),
    [
        ("777", "loja", {"sem-conta", "1007"}),
        ("777", "sem-conta", {"sem-conta", "1007"}),
        ("777", "app", {"sem-conta", "1007"}),
        ("501", "1007", {"loja", "filial", "1008"}),  # as they are registered, or as their receipts told
        ("777", "vizinho", set()),  # another app signs for its own alone
        ("778", "1007", set()),
    ],
)
def test_receipts_tell_which_account_an_instance_is_of(
    client: FlaskClient, store: Store, account: str, to: str, closed: set[str]
) -> None:
    for instance, number, its in [("sem-conta", "1006", "777"), ("1007", "1007", "777"), ("1008", "1008", "501")]:
        sent(store, instance, f"of-{instance}")
        assert post(client, status(number, f"of-{instance}"), account=its) == 204

    secret = ANOTHER if to == "vizinho" else SECRET
    assert post(client, banned(), to=to, account=account, key=secret) == 204

    assert restricted(store) == closed


def test_what_an_instance_is_registered_with_stands_against_its_receipts(client: FlaskClient, store: Store) -> None:
    sent(store, "loja", "natal")
    assert post(client, status("1001", "natal"), account="777") == 204
    assert post(client, banned(), account="777") == 204
    assert restricted(store) == set()


def test_a_number_that_is_registered_anew_may_be_of_another_account(client: FlaskClient, store: Store) -> None:
    sent(store, "sem-conta", "natal")
    assert post(client, status("1006", "natal"), account="777") == 204
    put(store, "sem-conta", "1050", None, SECRET)
    assert post(client, banned(), account="777") == 204
    assert restricted(store) == set()


def test_receipts_of_no_number_tell_of_no_account(client: FlaskClient, store: Store) -> None:
    sent(store, "sem-conta", "natal")
    assert post(client, status(None, "natal"), to="sem-conta", account="777") == 204
    assert post(client, banned(), account="777") == 204
    assert restricted(store) == set()


@pytest.mark.parametrize("to", ["1007", "app"])
def test_the_only_instance_there_is_meant_while_nobody_knows_its_account(redis_url: str, store: Store, to: str) -> None:
    settings = Settings(redis_url=redis_url, gateway="cloud", cloud_api_token="EAA", cloud_app_secret=SECRET)
    client = create_webhook_app(build_services(settings)).test_client()
    sent(store, "1007", "natal")

    assert post(client, banned(), to=to, account="777") == 204
    assert restricted(store) == {"1007"}

    steering.open_lane(store, "1007")
    assert post(client, status("1007", "natal"), account="501") == 204
    assert post(client, banned(), to=to, account="778") == 204
    assert restricted(store) == set()


def test_of_two_that_nobody_registered_neither_is_meant(redis_url: str, store: Store) -> None:
    settings = Settings(redis_url=redis_url, gateway="cloud", cloud_api_token="EAA", cloud_app_secret=SECRET)
    client = create_webhook_app(build_services(settings)).test_client()
    for instance in ("1007", "1008"):
        sent(store, instance, f"of-{instance}")

    assert post(client, banned(), to="1007", account="777") == 204
    assert restricted(store) == set()
    assert store.webhooks.tally() == {"of_nobody": 1}


def test_whose_a_status_is_costs_no_round_trip_of_its_own(
    client: FlaskClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips = []
    for _ in range(2):
        with round_trips(monkeypatch) as count:
            post(client, status("1001", "a"), status("1002", "b"), status("1002", "c"), status("1003", "d"))
        trips.append(count[0])

    print(f"round trips of a call for three numbers: {trips}")  # noqa: T201 - a figure
    assert trips[1] == 3  # one for each instance, and none to find it


def wish(word: str, number: str, at: int) -> dict[str, Any]:
    said = {"wa_id": "5511990000001", "category": "marketing_messages", "value": word, "timestamp": at}
    return {
        "field": "user_preferences",
        "value": {"metadata": {"phone_number_id": number}, "user_preferences": [said]},
    }


def is_on_the_list(store: Store) -> bool:
    return bool(store.suppressions.among([identity("5511990000001")]))


@pytest.mark.parametrize(
    ("said", "is_on"),
    [
        ([wish("stop", "1001", 1_700_000_100), wish("resume", "1002", 1_700_000_200)], True),
        ([wish("stop", "1002", 1_700_000_100), wish("resume", "1002", 1_700_000_200)], False),
        (
            [
                wish("stop", "1001", 1_700_000_100),
                wish("stop", "1002", 1_700_000_150),
                wish("resume", "1002", 1_700_000_200),
            ],
            True,
        ),
        ([wish("stop", "1099", 1_700_000_100)], True),
    ],
    ids=["another number's", "its own", "both", "of nobody"],
)
def test_a_wish_is_of_the_number_that_it_names(
    client: FlaskClient, store: Store, said: list[dict[str, Any]], is_on: bool
) -> None:
    for one in said:
        assert post(client, one) == 204
    assert is_on_the_list(store) is is_on


def test_who_is_registered_after_a_call_is_found_within_a_moment(client: FlaskClient, store: Store) -> None:
    assert post(client, status("1020", "natal")) == 204
    put(store, "nova", "1020", "501", SECRET)
    sent(store, "nova", "natal")

    def told() -> int:
        assert post(client, status("1020", "natal")) == 204
        return delivered(store, "natal")

    assert wait_for(told, seconds=BELIEVED_S / 2) == 1
