"""A limit of a whole app or account at Meta: all its instances rest, registered or not, and no stranger's do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from broadcast.domain.contact import Status
from broadcast.domain.receipt import Receipt
from broadcast.engine import accepting, settling, steering, telling
from broadcast.engine.registering import Registration, register
from broadcast.engine.sending import Policy, Sending
from broadcast.gateways.meta import MEANINGS
from broadcast.pacing import Rules
from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.wiring import Services, build_services
from tests.builders import an_order
from tests.lanes import fan_out, have_left, tickets
from tests.standins.cloud import NUMBER_ID, TOKEN, Graph, graph

SECRET, ANOTHER = "5ecre7-of-our-app", "5ecre7-of-another-app"
KEY = "k" * 40
#: instance -> its account's id, its app's secret
INSTANCES = {
    "loja": ("501", SECRET),
    "filial": ("501", SECRET),
    "matriz": ("502", SECRET),
    "sem-conta": (None, SECRET),
    "vizinho": ("501", ANOTHER),  # says so, and has not the secret
}
APP = {"loja", "filial", "matriz", "sem-conta"}
#: those that are sent through the settings' gateway; one has rules of its own
UNREGISTERED = {"1007", "1008", "1009"}


@pytest.fixture
def meta() -> Iterator[Graph]:
    with graph() as stand_in:
        yield stand_in


@pytest.fixture
def cloud(redis_url: str, meta: Graph) -> Iterator[Services]:
    services = build_services(Settings(redis_url=redis_url, secret_key=KEY))
    for index, (name, (account, secret)) in enumerate(INSTANCES.items()):
        number = NUMBER_ID if name == "loja" else f"200{index}"
        given = {"token": TOKEN, "appSecret": secret, "phoneNumberId": number, "wabaId": account}
        put(services.store, name, meta, {key: value for key, value in given.items() if value is not None})
    services.store.workers.beat("broadcast", "w1")
    services.store.workers.beat("control", "w1")
    yield services
    services.store.scripts.client.close()


def put(store: Store, name: str, meta: Graph, credentials: dict[str, str] | None) -> None:
    wanted = Registration(instance=name, dialect="cloud", url=meta.url, credentials=credentials, rules=Rules())
    register(store, wanted, secret_key=KEY, only_sandbox=False)


def resting(store: Store) -> set[str]:
    looks = {name: store.lanes.look(name) for name in store.lanes.instances()}
    return {name for name, look in looks.items() if int(look.fields.get("rest", 0)) > look.now_ms + 100_000}


@pytest.mark.parametrize(("code", "rest"), [(4, APP), (80007, {"loja", "filial"}), (17, {"loja"}), (130429, set())])
def test_an_answer_of_a_shared_limit_lets_all_that_share_it_rest(
    cloud: Services, meta: Graph, code: int, rest: set[str]
) -> None:
    put(cloud.store, "filial", meta, None)  # its rules were changed, and its credentials kept
    accepting.accept(cloud.store, an_order(contacts=1, instance="loja"), country="BR")
    meta.fail_next(code)
    (ticket,) = tickets(fan_out(cloud.store, "loja"))
    sending = Sending(cloud.store, cloud.gateways.of, Policy(max_attempts=3, timeout_s=5))
    assert sending.send(ticket, quick_left=0) == "pending"
    assert resting(cloud.store) == rest


@pytest.mark.parametrize(("code", "rest"), [(4, APP), (80007, {"loja", "filial"})])
def test_a_receipt_of_a_shared_limit_does_the_same(cloud: Services, code: int, rest: set[str]) -> None:
    accepting.accept(cloud.store, an_order(contacts=1, instance="loja"), country="BR")
    have_left(cloud.store)
    means = MEANINGS[code]
    receipt = Receipt(message_id="m0", status=Status.FAILED, reference="c1:0", reason=means.reason, means=means)
    settling.settle(cloud.store, "loja", [Receipt(message_id="m0", status=Status.SENT, reference="c1:0"), receipt])
    assert resting(cloud.store) == rest


def test_who_rests_with_another_sends_nothing_and_says_why(cloud: Services, meta: Graph) -> None:
    accepting.accept(cloud.store, an_order(contacts=1, instance="matriz"), country="BR")
    cloud.store.lanes.rest("loja", for_ms=120_000, reason="too_many_requests", spans="app")
    assert fan_out(cloud.store, "matriz").departures == []
    assert "too_many_requests" in (telling.progress(cloud.store, "c1").hold_detail or "")
    assert meta.ledger == []


def test_what_stands_for_an_apps_secret_says_nothing_of_it(cloud: Services) -> None:
    names = cloud.store.scripts.client.hget("bcast:instance:loja", "names") or ""
    assert SECRET not in names
    assert names.count("app/") == 1
    (mine,) = [name for name in names.split(",") if name.startswith("app/")]
    assert cloud.store.instances.named(mine) == APP


def by_the_settings(redis_url: str, meta: Graph, **given: str) -> Services:
    """Instances that nobody registered, all with a campaign but one, which has rules."""
    settings = Settings(redis_url=redis_url, gateway="cloud", cloud_api_url=meta.url, cloud_api_token=TOKEN, **given)
    services = build_services(settings)
    for name in sorted(UNREGISTERED - {"1009"}):
        accepting.accept(services.store, an_order(f"of {name}", contacts=1, instance=name), country="BR")
    rules = Registration(instance="1009", dialect=None, url=None, credentials=None, rules=Rules())
    register(services.store, rules, secret_key=None, only_sandbox=False)
    return services


def answered(services: Services, meta: Graph, instance: str, campaign: str, code: int) -> None:
    meta.fail_next(code)
    (ticket,) = tickets(fan_out(services.store, instance))
    sending = Sending(services.store, services.gateways.of, Policy(max_attempts=3, timeout_s=5))
    assert ticket.campaign == campaign
    assert sending.send(ticket, quick_left=0) == "pending"


@pytest.mark.parametrize("given", [{}, {"secret_key": KEY}, {"secret_key": KEY, "cloud_app_secret": ANOTHER}])
@pytest.mark.parametrize(
    ("code", "rest"), [(4, UNREGISTERED), (80007, UNREGISTERED), (17, {"1007"}), (130429, set[str]())]
)
def test_those_that_nobody_registered_share_the_settings_limits(
    cloud: Services, redis_url: str, meta: Graph, code: int, rest: set[str], given: dict[str, str]
) -> None:
    put(cloud.store, "vizinho", meta, {"token": TOKEN, "appSecret": "a third app's"})
    services = by_the_settings(redis_url, meta, **given)
    answered(services, meta, "1007", "of 1007", code)
    assert resting(services.store) == rest


def test_those_that_are_registered_with_the_settings_app_rest_with_them(
    cloud: Services, redis_url: str, meta: Graph
) -> None:
    services = by_the_settings(redis_url, meta, secret_key=KEY, cloud_app_secret=SECRET)
    answered(services, meta, "1007", "of 1007", 4)
    assert resting(services.store) == UNREGISTERED | APP


def test_and_they_with_those(cloud: Services, redis_url: str, meta: Graph) -> None:
    services = by_the_settings(redis_url, meta, secret_key=KEY, cloud_app_secret=SECRET)
    services.store.lanes.rest("loja", for_ms=120_000, reason="too_many_requests", spans="app")
    assert resting(services.store) == UNREGISTERED | APP


def test_of_one_account_only_those_that_say_so_rest(cloud: Services, redis_url: str, meta: Graph) -> None:
    services = by_the_settings(redis_url, meta, secret_key=KEY, cloud_app_secret=SECRET)
    services.store.lanes.rest("loja", for_ms=120_000, reason="too_many_requests", spans="account")
    assert resting(services.store) == {"loja", "filial"}


def test_who_is_registered_meanwhile_no_longer_rests_with_them(cloud: Services, redis_url: str, meta: Graph) -> None:
    services = by_the_settings(redis_url, meta)
    put(services.store, "1008", meta, {"token": TOKEN, "appSecret": ANOTHER})
    services.store.lanes.rest("1007", for_ms=120_000, reason="too_many_requests", spans="app")
    assert resting(services.store) == UNREGISTERED - {"1008"}


def test_a_gateway_without_apps_lets_nobody_else_rest(redis_url: str) -> None:
    services = build_services(Settings(redis_url=redis_url, secret_key=KEY))
    for name in ("loja", "filial"):
        accepting.accept(services.store, an_order(name, contacts=1, instance=name), country="BR")
    services.store.lanes.rest("loja", for_ms=120_000, reason="too_many_requests", spans="app")
    assert resting(services.store) == {"loja"}


# Who joins meanwhile.


def campaign(services: Services, instance: str) -> None:
    accepting.accept(services.store, an_order(f"of {instance}", contacts=1, instance=instance), country="BR")


@pytest.mark.parametrize("spans", ["app", "account"])
def test_who_has_a_first_campaign_meanwhile_rests_with_those_that_nobody_registered(
    redis_url: str, meta: Graph, spans: str
) -> None:
    services = by_the_settings(redis_url, meta)
    services.store.workers.beat("broadcast", "w1")
    services.store.lanes.rest("1007", for_ms=120_000, reason="too_many_requests", spans=spans)
    campaign(services, "1010")
    assert resting(services.store) == UNREGISTERED | {"1010"}
    assert fan_out(services.store, "1010").departures == []


@pytest.mark.parametrize(("spans", "rests"), [("app", True), ("account", False)])
def test_and_with_those_that_are_registered_with_the_settings_app(
    cloud: Services, redis_url: str, meta: Graph, spans: str, rests: bool
) -> None:
    services = by_the_settings(redis_url, meta, secret_key=KEY, cloud_app_secret=SECRET)
    services.store.lanes.rest("loja", for_ms=120_000, reason="too_many_requests", spans=spans)
    campaign(services, "1010")
    assert ("1010" in resting(services.store)) is rests


@pytest.mark.parametrize(
    ("spans", "account", "secret", "rests"),
    [
        ("app", None, SECRET, True),
        ("app", "501", ANOTHER, False),
        ("account", "501", SECRET, True),
        ("account", "502", SECRET, False),
        ("account", None, SECRET, False),
        ("account", "501", ANOTHER, False),
    ],
)
def test_who_is_registered_meanwhile_rests_with_those_of_the_same_app_or_account(
    cloud: Services, meta: Graph, spans: str, account: str | None, secret: str, rests: bool
) -> None:
    cloud.store.lanes.rest("loja", for_ms=120_000, reason="too_many_requests", spans=spans)
    campaign(cloud, "nova")
    given = {
        "token": TOKEN,
        "appSecret": secret,
        "phoneNumberId": "2999",
        **({"wabaId": account} if account else {}),
    }
    put(cloud.store, "nova", meta, given)
    assert ("nova" in resting(cloud.store)) is rests


def test_who_is_registered_with_the_settings_app_meanwhile_rests_with_those_that_nobody_registered(
    redis_url: str, meta: Graph
) -> None:
    services = by_the_settings(redis_url, meta, secret_key=KEY, cloud_app_secret=SECRET)
    services.store.lanes.rest("1007", for_ms=120_000, reason="too_many_requests", spans="app")
    put(services.store, "nova", meta, {"token": TOKEN, "appSecret": SECRET, "phoneNumberId": "2999"})
    assert resting(services.store) == UNREGISTERED | {"nova"}


def test_who_is_given_to_the_settings_gateway_meanwhile_rests_with_its_others(
    cloud: Services, redis_url: str, meta: Graph
) -> None:
    services = by_the_settings(redis_url, meta)
    services.store.lanes.rest("1007", for_ms=120_000, reason="too_many_requests", spans="app")
    rules = Registration(instance="vizinho", dialect=None, url=None, credentials=None, rules=Rules())
    register(services.store, rules, secret_key=KEY, only_sandbox=False)
    assert resting(services.store) == UNREGISTERED | {"vizinho"}


def test_the_longest_rest_is_what_they_get_and_it_ends(redis_url: str, meta: Graph) -> None:
    services = by_the_settings(redis_url, meta)
    for for_ms in (120_000, 1000, 0):
        services.store.lanes.rest("1007", for_ms=for_ms, reason="too_many_requests", spans="app")
    campaign(services, "1010")
    assert resting(services.store) == UNREGISTERED | {"1010"}
    kept = list(services.store.scripts.client.scan_iter("bcast:resting:*"))
    assert {services.store.scripts.client.pttl(name) > 100_000 for name in kept} == {True}


def test_whom_a_person_resumed_does_not_rest_again_for_the_same(cloud: Services, redis_url: str, meta: Graph) -> None:
    services = by_the_settings(redis_url, meta, secret_key=KEY, cloud_app_secret=SECRET)
    services.store.lanes.rest("1007", for_ms=120_000, reason="too_many_requests", spans="app")
    for name in ("1007", "loja"):
        steering.open_lane(services.store, name)
    accepting.accept(services.store, an_order("another", contacts=1, instance="1007"), country="BR")
    campaign(services, "loja")
    put(services.store, "loja", meta, None)
    assert resting(services.store) == (UNREGISTERED | APP) - {"1007", "loja"}
