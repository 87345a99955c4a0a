"""An open campaign says before its start what that would do: by its counts and its first contacts, however many."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.domain.caller import Scope
from broadcast.engine.suppressing import suppress
from broadcast.store import Store
from broadcast.store.contacts import LOOKED_AT
from broadcast.web import create_app
from broadcast.wiring import Services
from tests.builders import TO_COME, a_body, phones
from tests.integration.test_dashboard import a_key

SEEN = "/campaigns/c1/preview"


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return create_app(services).test_client()


def opened(client: FlaskClient, contacts: list[Any], **changes: Any) -> None:
    body = a_body("c1", "i1", open=True, **changes)
    del body["contacts"]
    assert client.post("/queue/add-broadcast", json=body).status_code == 202
    if contacts:
        assert client.post("/campaigns/c1/contacts?chunk=1", json=contacts).status_code == 200


def test_it_says_what_a_preview_of_the_same_contacts_says(client: FlaskClient, store: Store) -> None:
    suppress(store, "5511999990009", source="crm")
    ana = {"phone": "5511999990001", "name": "Ana"}
    people = ["n/a", ana, {**ana, "phone": "551199990001"}, {**ana, "phone": "5511999990009"}, "5511999990002"]
    people += [{"phone": phone, "name": phone[-2:]} for phone in phones(60, start=100)]
    message = {"message": "Oi {{name}}, [[a|b|c]]", "rateLimitMs": 2000}
    whole = client.post("/campaigns/preview", json=a_body("c1", "i1", contacts=people, **message)).json
    opened(client, people, **message)
    before = sorted(store.scripts.client.keys("*"))
    seen = client.get(SEEN).json
    assert sorted(store.scripts.client.keys("*")) == before

    assert seen["contacts"] == {"total": 65, "queued": 61, "skipped": 4}
    assert len(seen["samples"]) == 3
    assert {one["code"] for one in seen["risks"]} == {"fast_pace", "unknown_age", "no_opt_out"}
    for name in ("contacts", "skippedReasons", "leftOut", "samples", "warnings", "risks"):
        assert seen[name] == whole[name], name
    assert seen["forecast"]["finishAtP50"] > seen["forecast"]["startAt"]


def test_what_it_foretells_is_what_the_start_keeps(client: FlaskClient) -> None:
    opened(client, phones(30), scheduledFor=f"{TO_COME}-07-02T13:30:00Z")
    foreseen = client.get(SEEN).json["forecast"]
    assert foreseen["startAt"] == f"{TO_COME}-07-02T13:30:00Z"
    assert client.post("/campaigns/c1/start").status_code == 200
    kept = client.get("/campaigns/c1/summary").json["forecast"]
    assert {name: kept[name] for name in ("startAt", "finishAtP50", "finishAtP90")} == {
        name: foreseen[name] for name in ("startAt", "finishAtP50", "finishAtP90")
    }


def test_a_held_instance_is_warned_of(client: FlaskClient, store: Store) -> None:
    opened(client, phones(1))
    store.lanes.hold("i1", "paused", reason="test")
    assert [one["code"] for one in client.get(SEEN).json["warnings"]] == ["instance_paused"]


def test_without_anybody_it_says_so(client: FlaskClient) -> None:
    opened(client, [])
    seen = client.get(SEEN).json
    assert (seen["contacts"]["total"], seen["samples"], seen["forecast"]["finishAtP50"]) == (0, [], None)


def test_many_contacts_are_counted_and_not_read(
    client: FlaskClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(client, phones(2 * LOOKED_AT))
    read: list[int] = []
    some = store.contacts.some
    monkeypatch.setattr(
        store.contacts, "some", lambda campaign, numbers: read.extend(numbers) or some(campaign, numbers)
    )
    seen = client.get(SEEN).json
    assert (seen["contacts"]["queued"], len(seen["samples"]), seen["leftOut"]) == (2 * LOOKED_AT, 3, [])
    assert read == [0, 1, 2]


def test_only_an_open_campaign_has_one_and_only_for_who_may_read_it(client: FlaskClient, store: Store) -> None:
    assert client.get(SEEN).status_code == 404
    opened(client, phones(1))
    client.post("/campaigns/c1/start")
    answer = client.get(SEEN)
    assert (answer.status_code, answer.json["code"]) == (409, "conflict")
    assert "is running, and not open" in answer.json["detail"]

    a_key(store, "all", Scope.ADMIN)
    for name, scope, instances, status in (
        ("ana", Scope.SEND, None, 403),
        ("bia", Scope.READ, frozenset({"other"}), 404),
        ("caio", Scope.READ, None, 409),
    ):
        secret = a_key(store, name, scope, instances=instances)
        assert client.get(SEEN, headers={"apikey": secret}).status_code == status, name
