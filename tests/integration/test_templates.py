"""A campaign with a template, from the CRM's request to what Meta is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from broadcast.domain.campaign import Move, State
from broadcast.domain.contact import Status
from broadcast.domain.content import Template
from broadcast.engine import planning, steering, telling
from broadcast.engine.planning import Horizon
from broadcast.engine.registering import Registration, register
from broadcast.pacing import Rules
from broadcast.settings import Settings
from broadcast.store.tickets import Ticket
from broadcast.web import create_app
from broadcast.wiring import Services, build_services
from tests.builders import a_body, a_template
from tests.standins.cloud import NUMBER_ID, TOKEN, Graph, graph

QUEUE = "/queue/add-broadcast"
SECRET_KEY = "k" * 32
ANA = {"phone": "5511999990001", "name": "Ana", "vars": {"code": "7"}}
BIA = {"phone": "5511999990002", "name": "Bia"}


@pytest.fixture
def meta() -> Iterator[Graph]:
    with graph(templates={("promo", "pt_BR"): 3}) as stand_in:
        yield stand_in


@pytest.fixture
def cloud(redis_url: str, meta: Graph) -> Iterator[Services]:
    settings = Settings(redis_url=redis_url, gateway="cloud", cloud_api_url=meta.url, cloud_api_token=TOKEN)
    services = build_services(replace(settings, secret_key=SECRET_KEY))
    yield services
    services.store.scripts.client.close()


def test_each_contact_gets_the_template_with_their_values(cloud: Services, meta: Graph) -> None:
    body = a_body("c1", NUMBER_ID, contacts=[ANA, BIA], message="", template=a_template())
    answer = create_app(cloud).test_client().post(QUEUE, json=body)
    assert (answer.json["queued"], answer.json["skippedReasons"]) == (1, {"missing_variable": 1})

    cloud.store.workers.beat("broadcast", "w1")
    batch = planning.plan_lane(cloud.store, NUMBER_ID, horizon=Horizon(ms=5000, contacts=5))
    (departure,) = batch.departures
    ticket = Ticket(instance=NUMBER_ID, campaign="c1", number=departure.number, batch=batch.id, run="r1")
    assert cloud.sending.send(ticket, quick_left=0) == "sent"

    (sent,) = meta.ledger
    components = {part["type"]: part["parameters"] for part in sent.body["template"]["components"][:3]}
    assert components["body"][0] == {"type": "text", "text": "Olá Ana"}
    assert components["button"] == [{"type": "payload", "payload": "Ana"}]
    assert sent.body["template"]["components"][3]["parameters"] == [{"type": "text", "text": "7"}]
    assert (sent.body["type"], "text" in sent.body) == ("template", False)


def test_a_preview_shows_a_template_as_it_is_filled(cloud: Services) -> None:
    medium = {"link": "https://cdn.example/a.pdf", "filename": "{{name}}.pdf"}
    header = {"type": "header", "parameters": [{"type": "document", "document": medium}]}
    body = a_body("c1", NUMBER_ID, contacts=[ANA], message="", template=a_template(components=[header]))
    seen = create_app(cloud).test_client().post("/campaigns/preview", json=body).json
    (sample,) = seen["samples"]
    shown = {"type": "document", "document": {**medium, "filename": "Ana.pdf"}}
    assert sample["template"]["components"] == [{**header, "parameters": [shown]}]


def test_a_value_is_put_on_one_line_and_who_would_leave_a_place_empty_is_left_out(cloud: Services, meta: Graph) -> None:
    meta.templates = {("promo", "pt_BR"): 1}
    place = {"type": "text", "text": "{{name|}}"}
    template = a_template(components=[{"type": "body", "parameters": [place]}])
    people = [{**ANA, "name": "Ana\n\tMaria     Silva"}, {**BIA, "name": " \n"}]
    answer = (
        create_app(cloud)
        .test_client()
        .post(QUEUE, json=a_body("c1", NUMBER_ID, contacts=people, message="", template=template))
    )
    assert (answer.json["queued"], answer.json["skippedReasons"]) == (1, {"missing_variable": 1})
    assert cloud.store.contacts.some("c1", [1])[0][1]["detail"] == "name"

    cloud.store.workers.beat("broadcast", "w1")
    batch = planning.plan_lane(cloud.store, NUMBER_ID, horizon=Horizon(ms=5000, contacts=5))
    ticket = Ticket(instance=NUMBER_ID, campaign="c1", number=0, batch=batch.id, run="r1")
    assert cloud.sending.send(ticket, quick_left=0) == "sent"
    (sent,) = meta.ledger
    assert sent.body["template"]["components"][0]["parameters"] == [{"type": "text", "text": "Ana Maria Silva"}]


def test_a_template_is_part_of_what_makes_a_campaign_the_same(cloud: Services) -> None:
    client = create_app(cloud).test_client()
    body = a_body("c1", NUMBER_ID, contacts=[ANA], message="", template=a_template())
    assert client.post(QUEUE, json=body).status_code == 202
    assert client.post(QUEUE, json=body).status_code == 202
    assert client.post(QUEUE, json={**body, "template": a_template(language="pt")}).status_code == 409
    found = cloud.store.campaigns.find("c1")
    assert found
    assert found.content.template == Template(**a_template())


def test_a_message_that_is_not_sent_leaves_nobody_out(cloud: Services) -> None:
    plain = a_template(components=[])
    body = a_body("c1", NUMBER_ID, contacts=[BIA], message="Oi {{apelido}}", template=plain)
    assert create_app(cloud).test_client().post(QUEUE, json=body).json["queued"] == 1


def send_next(services: Services) -> str:
    batch = planning.plan_lane(services.store, NUMBER_ID, horizon=Horizon(ms=5000, contacts=1))
    (departure,) = batch.departures
    ticket = Ticket(instance=NUMBER_ID, campaign="c1", number=departure.number, batch=batch.id, run=batch.id)
    return services.sending.send(ticket, quick_left=2)


@pytest.mark.parametrize(
    ("dialect", "credentials"),
    [("sandbox", {}), ("evolution", {"apiKey": "k", "webhookToken": "t"}), ("waha", {"apiKey": "k", "hmacKey": "h"})],
    ids=["sandbox", "evolution", "waha"],
)
def test_a_campaign_whose_instance_knows_no_templates_any_more_waits_and_sends_nothing_else(
    cloud: Services, meta: Graph, dialect: str, credentials: dict[str, str]
) -> None:
    client = create_app(cloud).test_client()
    people = [ANA, {**ANA, "phone": "5511999990003"}]
    order = a_body("c1", NUMBER_ID, contacts=people, message="Oi {{apelido}}", template=a_template(), rateLimitMs=10)
    assert client.post(QUEUE, json=order).status_code == 202
    cloud.store.workers.beat("broadcast", "w1")
    assert send_next(cloud) == "sent"

    wanted = Registration(
        instance=NUMBER_ID, dialect=dialect, url="http://127.0.0.1:1", credentials=credentials, rules=Rules()
    )
    register(cloud.store, wanted, secret_key=SECRET_KEY, only_sandbox=False)
    cloud.gateways.forget(NUMBER_ID)
    assert send_next(cloud) == "pending"
    progress = telling.progress(cloud.store, "c1")
    assert (progress.state, progress.hold_reason) == (State.PAUSED, "message_refused")
    assert "templates_unsupported: " in (progress.hold_detail or "")
    assert "Cloud API" in (progress.hold_detail or "")
    assert (progress.counts[Status.PENDING], progress.counts[Status.FAILED]) == (1, 0)

    register(
        cloud.store, replace(wanted, dialect=None, url=None, credentials=None), secret_key=None, only_sandbox=False
    )
    cloud.gateways.forget(NUMBER_ID)
    steering.steer(cloud.store, "c1", Move.RESUME)
    assert send_next(cloud) == "sent"
    assert [one.body["type"] for one in meta.ledger] == ["template", "template"]


@pytest.mark.parametrize(
    "gateway",
    [
        {"gateway": "sandbox"},
        {"gateway": "evolution", "evolution_url": "http://127.0.0.1:1", "evolution_api_key": "k"},
        {"gateway": "waha", "waha_url": "http://127.0.0.1:1", "waha_api_key": "k"},
    ],
    ids=lambda gateway: gateway["gateway"],
)
def test_a_gateway_without_templates_refuses_one(redis_url: str, gateway: dict[str, str]) -> None:
    services = build_services(Settings(redis_url=redis_url, **gateway))
    client: FlaskClient = create_app(services).test_client()
    answer = client.post(QUEUE, json=a_body("c1", "loja", template=a_template()))
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/template")
    assert services.store.scripts.client.keys("bcast:*") == []
    services.store.scripts.client.close()
