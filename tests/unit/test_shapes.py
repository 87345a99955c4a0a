"""A body becomes an order, whole and exactly as it was said, or each of its wrong fields is named."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.api import answers, shapes
from broadcast.domain.campaign import Order
from broadcast.domain.contact import Recipient
from broadcast.domain.content import Content, Kind
from broadcast.errors import Invalid
from broadcast.settings import Settings
from tests.builders import a_body

SETTINGS = Settings(default_rate_limit_ms=1500, default_jitter_ms=70)


def order(**changes: Any) -> Order:
    return shapes.order_of({**a_body("c1", "loja"), **changes}, SETTINGS)


def pointers(**changes: Any) -> list[str]:
    with pytest.raises(Invalid) as caught:
        order(**changes)
    return [error.pointer for error in caught.value.errors]


def test_an_order_holds_what_the_body_says() -> None:
    people = ["5511999990001", {"phone": "5511999990002", "name": "Ana", "vars": {"cidade": "Recife"}}]
    image = {"mediaType": "image", "mediaUrl": "https://cdn.example/a.jpg", "message": "Oi"}
    said = order(contacts=people, **image, rateLimitMs=2000, jitterMs=300, scheduledFor="2030-08-29T12:00:00-03:00")

    assert (said.campaign, said.instance, said.gap_ms, said.jitter_ms, said.priority) == ("c1", "loja", 2000, 300, 5)
    assert said.content == Content(kind=Kind.IMAGE, text="Oi", media_url="https://cdn.example/a.jpg")
    assert said.recipients == [
        Recipient(phone="5511999990001"),
        Recipient(phone="5511999990002", name="Ana", vars={"cidade": "Recife"}),
    ]
    assert said.scheduled_ms == 1_914_246_000_000


def test_pace_and_jitter_that_are_not_named_are_the_settings() -> None:
    assert (order(rateLimitMs=None).gap_ms, order(jitterMs=None).jitter_ms) == (1500, 70)
    assert order(jitterMs=0).jitter_ms == 0


@pytest.mark.parametrize(("said", "meant"), [("high", 8), ("normal", 5), ("low", 2), (0, 0), (9, 9), (None, 5)])
def test_priority_has_names_and_numbers(said: Any, meant: int) -> None:
    assert order(priority=said).priority == meant


@pytest.mark.parametrize("name", ["action", "message", "mediaType", "mediaUrl", "scheduledFor", "jitterMs", "priority"])
def test_null_says_the_same_as_nothing(name: str) -> None:
    image = {"mediaType": "image", "mediaUrl": "https://cdn.example/a.jpg"} if name == "message" else {}
    body = {**a_body("c1", "loja"), **image}
    without = {key: value for key, value in body.items() if key != name}
    assert shapes.order_of({**body, name: None}, SETTINGS) == shapes.order_of(without, SETTINGS)


def test_null_under_an_unknown_name_is_still_unknown() -> None:
    assert pointers(surprise=None) == ["/surprise"]


def test_the_digest_stands_for_what_was_said_and_not_for_how() -> None:
    body = a_body("c1", "loja")
    turned = dict(reversed(body.items()))
    bare = {name: value for name, value in body.items() if name != "action" and value is not None}

    assert shapes.digest(body) == shapes.digest(turned) == shapes.digest(bare)
    for change in ({"message": "outra"}, {"contacts": body["contacts"][::-1]}, {"priority": 5}, {"rateLimitMs": 101}):
        assert shapes.digest({**body, **change}) != shapes.digest(body)


@pytest.mark.parametrize("name", ["a", "a b", "campanha-ção", "2030:08", "x" * 128, "ação 🎉"])
def test_a_name_is_taken_as_it_is(name: str) -> None:
    assert order(campaignId=name, instanceId=name).campaign == name


@pytest.mark.parametrize(
    "name",
    ["", " ", " a", "a ", "a\n", "\u00a0a", "a\x00", "a\x7f", "a\x85b", "\ud800", "a/b", "a?", "#a", "a%", ".", ".."],
)
def test_a_name_that_a_path_or_a_log_cannot_hold_is_refused(name: str) -> None:
    assert pointers(campaignId=name, instanceId=name) == ["/instanceId", "/campaignId"]


def test_no_name_is_taken_that_is_a_part_of_an_address() -> None:
    assert pointers(campaignId="events", instanceId="events") == ["/instanceId", "/campaignId"]
    assert order(campaignId="Events", instanceId="events2").campaign == "Events"


@pytest.mark.parametrize(
    ("contact", "pointer"),
    [
        (None, "/contacts/1"),
        (7, "/contacts/1"),
        (["5511999990001"], "/contacts/1"),
        ("55\x0011", "/contacts/1"),
        ("\ud83d", "/contacts/1"),
        ({}, "/contacts/1/phone"),
        ({"phone": 5511999990001}, "/contacts/1/phone"),
        ({"phone": "1", "name": "\udc00"}, "/contacts/1/name"),
        ({"phone": "1", "name": "x" * 257}, "/contacts/1/name"),
        ({"phone": "1", "vars": []}, "/contacts/1/vars"),
        ({"phone": "1", "vars": {"a": "x" * 1025}}, "/contacts/1/vars/a"),
        ({"phone": "1", "vars": {"a\x00": "x"}}, "/contacts/1/vars"),
        ({"phone": "1", "a/b~c": 1}, "/contacts/1/a~1b~0c"),
    ],
)
def test_a_wrong_contact_is_named_by_its_place(contact: Any, pointer: str) -> None:
    assert pointers(contacts=["5511999990001", contact]) == [pointer]


@pytest.mark.parametrize("contact", [5511999990001, 5511999990001.0, {"phone": 5511999990001}])
def test_a_phone_that_is_no_text_is_shown_how_it_is_one(contact: Any) -> None:
    with pytest.raises(Invalid) as wrong:
        order(contacts=[contact])
    assert [one.detail for one in wrong.value.errors] == [
        'must be a text such as "5511999990001", not a number: in quotation marks'
    ]
    with pytest.raises(ValueError, match='must be a text such as "5511999990001"'):
        shapes.recipient(contact)


def test_a_number_that_cannot_be_one_is_left_to_the_engine() -> None:
    assert [person.phone for person in order(contacts=["x" * 500, "", "+55 (11)"]).recipients][1:] == ["", "+55 (11)"]


def test_millions_of_contacts_are_refused_without_a_look_at_them() -> None:
    began = time.process_time()
    assert pointers(contacts=[7] * 3_000_000) == ["/contacts"]
    assert time.process_time() - began < 2


def test_all_wrong_fields_are_named_at_once() -> None:
    assert set(pointers(campaignId="", rateLimitMs="2000", priority=10, surprise=1)) == {
        "/campaignId",
        "/rateLimitMs",
        "/priority",
        "/surprise",
    }


@pytest.mark.parametrize(
    ("kind", "most"), [("text", 4096), ("image", 1024), ("video", 1024), ("document", 1024), ("audio", 0)]
)
def test_a_text_is_as_long_as_its_kind_allows(kind: str, most: int) -> None:
    media = {"mediaType": kind, "mediaUrl": None if kind == "text" else "https://cdn.example/a"}
    assert len(order(**media, message="x" * most).content.text) == most
    assert pointers(**media, message="x" * (most + 1)) == ["/message"]


@pytest.mark.parametrize(
    "url",
    [None, "", "cdn.example/a.jpg", "//cdn.example/a.jpg", "ftp://cdn.example/a.jpg", "https:///a.jpg", "http://:80/a",
     "http://[::1/a", "http://h:99999/", "http://h:port/", "http://h/a b", "http://h/\x01", "http://h/\x00", "http://h/\ud800",
     "https://h/" + "x" * 2048],
)  # fmt: skip
def test_media_is_fetched_from_a_whole_address(url: str | None) -> None:
    assert pointers(mediaType="image", mediaUrl=url) == ["/mediaUrl"]


@pytest.mark.parametrize("mark", ["{{name}}", "{{cupom|0}}", "[[a|b]]"])
def test_a_medium_is_the_same_for_all(mark: str) -> None:
    assert pointers(mediaType="image", mediaUrl=f"https://cdn.example/{mark}.jpg") == ["/mediaUrl"]
    assert order(mediaType="image", mediaUrl="https://cdn.example/{a}[0].jpg").content.media_url


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2030-08-29T15:00:00Z", "2030-08-29T15:00:00Z"),
        ("2030-08-29t15:00:00z", "2030-08-29T15:00:00Z"),
        ("2030-08-29 12:00:00-03:00", "2030-08-29T15:00:00Z"),
        ("2030-08-29T15:00:00.5Z", "2030-08-29T15:00:00.500Z"),
        ("2030-08-29T15:00:00.123987654Z", "2030-08-29T15:00:00.123Z"),
    ],
)
def test_every_way_to_write_a_time_means_one_instant(said: str, meant: str) -> None:
    assert answers.rfc3339(order(scheduledFor=said).scheduled_ms) == meant


def test_what_a_form_was_left_empty_of_is_not_there() -> None:
    blank = order(scheduledFor="", mediaUrl="", callbackUrl="")
    assert (blank.scheduled_ms, blank.content.media_url, blank.callback_url) == (None, None, None)
    (ana,) = order(contacts=[{"phone": "5511999990001", "name": None, "vars": {"a": None, "b": "x"}}]).recipients
    assert ana.vars == {"b": "x"}


@pytest.mark.parametrize("around", [" {}", "{} ", "\n{}\t"])
def test_what_stands_around_an_address_is_not_of_it(around: str) -> None:
    medium = "https://cdn.example/Tabela%20de%20pre%C3%A7os.pdf"
    sent = order(mediaType="document", mediaUrl=around.format(medium), callbackUrl=around.format(""))
    assert (sent.content.media_url, sent.callback_url) == (medium, None)


def test_an_address_with_blanks_in_it_is_told_how_to_write_them() -> None:
    with pytest.raises(Invalid) as refused:
        order(mediaType="document", mediaUrl="https://cdn.example/Tabela de preços.pdf")
    (error,) = refused.value.errors
    assert (error.pointer, error.detail) == ("/mediaUrl", "must have no blanks in it: write each as %20")
    with pytest.raises(Invalid) as refused:
        order(mediaType="document", mediaUrl="Tabela de preços.pdf")
    assert "must be an http or https address" in refused.value.errors[0].detail


@pytest.mark.parametrize(
    "said",
    ["tomorrow", "2030-08-29", "2030-08-29T15:00:00", "2030-08-29T15:00Z", "2030-13-01T00:00:00Z",
     "2030-02-30T00:00:00Z", "2030-08-29T25:00:00Z", "2030-08-29T15:00:00+0300", "2030-08-29T15:00:00+99:00",
     "٢٠٣٠-08-29T15:00:00Z", "2030-08-29T15:00:00Z\n", 1_914_246_000, True, {}],
)  # fmt: skip
def test_a_time_that_could_mean_two_is_refused(said: Any) -> None:
    assert pointers(scheduledFor=said) == ["/scheduledFor"]


@given(st.datetimes(datetime(1971, 1, 1), datetime(2400, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001 - the zone comes below
def test_a_time_comes_back_to_the_millisecond(moment: datetime, minutes: int) -> None:
    local = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    said = local.isoformat(timespec="milliseconds")
    shown = answers.rfc3339(order(scheduledFor=said).scheduled_ms)

    assert shown is not None
    digits = shown.rstrip("Z")
    back = datetime.fromisoformat(digits if "." in digits else f"{digits}.000").replace(tzinfo=timezone.utc)
    assert back == datetime.fromisoformat(said)


@pytest.mark.parametrize("limit", [True, "50", 50.5, 0, 201])
def test_a_list_in_a_body_is_as_strict_as_the_rest(limit: Any) -> None:
    with pytest.raises(Invalid, match="/limit"):
        shapes.load(shapes.ListAction(), {"action": "list_broadcasts", "limit": limit})


def test_a_list_in_a_query_is_text_and_means_the_same() -> None:
    asked = shapes.load(shapes.ListQuery(), {"limit": "7", "status": "paused", "instance": "loja"})
    said = {"action": "list_broadcasts", "limit": 7, "status": "paused", "instanceId": "loja", "cursor": None}
    assert asked == shapes.load(shapes.ListAction(), said)
