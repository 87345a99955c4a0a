"""Who was forgotten is still left out, whatever has the list been kept with; and nobody can tell who they were."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from broadcast.domain.finding import Level
from broadcast.domain.phone import identity
from broadcast.domain.pseudonym import Pseudonyms, plain
from broadcast.engine import accepting, adding, optouts, removing
from broadcast.engine.judging import judge_hashes, warn_of_redis
from broadcast.engine.suppressing import suppress
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.suppressions import Suppressions
from broadcast.store.tickets import Go, Gone, Leave
from tests.builders import an_order, phones
from tests.lanes import ask, fan_out, tickets

ANA, BIA = phones(2)
KEY, OTHER = "k" * 32, "another-secret-key-of-32-characters"


@pytest.fixture
def keyed(redis_url: str) -> Iterator[Store]:
    """The store of an installation that has a SECRET_KEY."""
    store = Store(redis_url, secret_key=KEY)
    store.workers.beat("broadcast", "w1")
    yield store
    store.scripts.client.close()


@pytest.fixture
def other(redis_url: str) -> Iterator[Store]:
    """The same installation, after somebody changed its SECRET_KEY."""
    store = Store(redis_url, secret_key=OTHER)
    yield store
    store.scripts.client.close()


def forgotten(store: Store, phone: str = ANA) -> str:
    """Somebody who opted out, and was then forgotten; what stands for them."""
    suppress(store, phone, source="message to i1")
    token = removing.forget(store, phone, country="BR").token
    assert removing.blank(store, token, limit=10**6)[0] == "done"
    return token


def names(store: Store) -> list[str]:
    return list(store.scripts.client.hkeys(key("suppressed")))


def is_let_go(store: Store, phone: str, campaign: str = "c1") -> Leave:
    """What the fence says to a contact that was accepted before its person opted out."""
    accepting.accept(store, an_order(campaign, contacts=phones(1, start=50)), country="BR")
    (ticket,) = tickets(fan_out(store))
    return ask(store, ticket, identity=identity(phone), ahead_ms=5000)


def test_who_was_forgotten_is_kept_by_a_keyed_hash_and_nothing_else(keyed: Store) -> None:
    token = forgotten(keyed)
    assert names(keyed) == [token] == [Pseudonyms(KEY).of(identity(ANA))]
    kept = keyed.scripts.client.hget(key("suppressed"), token)
    assert ANA not in kept
    assert json.loads(kept)["source"] == "message to i1"
    forms = {ANA, identity(ANA), f"+{ANA}"}
    assert plain(identity(ANA)) not in names(keyed)
    assert not forms & set(names(keyed))


def test_the_fence_leaves_them_out_and_lets_others_go(keyed: Store) -> None:
    forgotten(keyed)
    assert is_let_go(keyed, ANA) == Gone("skipped")
    assert isinstance(is_let_go(keyed, BIA, "c2"), Go)


def test_accepting_and_adding_leave_them_out(keyed: Store) -> None:
    forgotten(keyed)
    assert accepting.accept(keyed, an_order("c1", contacts=[ANA, BIA]), country="BR").reasons == {"opted_out": 1}
    accepting.accept(keyed, an_order("c2", contacts=0, is_open=True), country="BR")
    assert add(keyed, "c2", [ANA, BIA]) == {"opted_out": 1}


def add(store: Store, campaign: str, numbers: list[str], *, chunk: int = 1) -> dict[str, int]:
    rows = (adding.Row(number, recipient) for number, recipient in enumerate(an_order(contacts=numbers).recipients))
    return dict(adding.add(store, campaign, rows, chunk=chunk, country="BR").reasons)


@pytest.mark.parametrize("is_keyed", [True, False])
def test_an_open_campaign_keeps_no_number_of_theirs_and_knows_them_still(
    keyed: Store, store: Store, is_keyed: bool
) -> None:
    ours = keyed if is_keyed else store
    accepting.accept(ours, an_order("c1", contacts=0, is_open=True), country="BR")
    assert add(ours, "c1", [ANA, BIA]) == {}
    token = removing.forget(ours, ANA, country="BR").token
    assert removing.blank(ours, token, limit=10**6) == ("done", 1)
    assert ours.scripts.client.smembers(key("identities", "c1")) == {token, identity(BIA)}

    for chunk, seen_by in enumerate((ours, keyed), start=2):  # the latter: who sets a SECRET_KEY meanwhile
        assert add(seen_by, "c1", [identity(ANA)], chunk=chunk) == {"duplicate": 1}


def test_their_number_is_not_learned_anew_and_they_can_be_taken_off(keyed: Store) -> None:
    forgotten(keyed)
    wishes = [optouts.Wish(phone=phone, source="crm") for phone in (ANA, BIA)]
    assert optouts.add(keyed, wishes, country="BR", since="2030-01-31T12:00:00Z").new == [BIA]
    assert sorted(names(keyed)) == sorted([Pseudonyms(KEY).of(identity(ANA)), identity(BIA)])

    assert optouts.remove(keyed, ANA, country="BR") == ANA
    assert names(keyed) == [identity(BIA)]


@pytest.mark.parametrize("seen_by", ["fence", "accept", "add", "wish", "forget"])
def test_a_plain_hash_of_before_still_counts_and_is_keyed_when_they_are_seen_again(
    keyed: Store, store: Store, seen_by: str
) -> None:
    forgotten(store)  # by an installation without SECRET_KEY
    assert names(store) == [plain(identity(ANA))]
    known = store.scripts.client.hget(key("suppressed"), plain(identity(ANA)))

    if seen_by == "fence":
        assert is_let_go(keyed, ANA) == Gone("skipped")
    elif seen_by == "accept":
        assert accepting.accept(keyed, an_order("c1", contacts=[ANA]), country="BR").reasons == {"opted_out": 1}
    elif seen_by == "add":
        accepting.accept(keyed, an_order("c2", contacts=0, is_open=True), country="BR")
        assert add(keyed, "c2", [ANA]) == {"opted_out": 1}
    elif seen_by == "wish":
        assert not suppress(keyed, ANA, source="again")
    else:
        removing.forget(keyed, ANA, country="BR")

    assert keyed.scripts.client.hgetall(key("suppressed")) == {Pseudonyms(KEY).of(identity(ANA)): known}
    assert keyed.suppressions.made_with() == {Pseudonyms(KEY).fingerprint}
    assert is_let_go(keyed, ANA, "again") == Gone("skipped")


def test_a_plain_hash_of_before_can_be_taken_off(keyed: Store, store: Store) -> None:
    forgotten(store)
    assert optouts.remove(keyed, ANA, country="BR") == ANA
    assert names(keyed) == []


def test_without_a_secret_key_nobody_is_lost_who_is_forgotten_twice(store: Store) -> None:
    assert forgotten(store) == forgotten(store) == plain(identity(ANA))
    assert names(store) == [plain(identity(ANA))]


def test_who_was_forgotten_with_another_key_is_told_of_at_start(
    keyed: Store, other: Store, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    forgotten(keyed)
    for one, is_told in ((keyed, False), (other, True), (store, True)):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert warn_of_redis(one)
        assert [record.levelno for record in caplog.records if "another SECRET_KEY" in record.getMessage()] == (
            [logging.ERROR] if is_told else []
        )
        assert ANA not in caplog.text

    optouts.remove(keyed, ANA, country="BR")  # and where none of theirs is left, nothing is wrong
    caplog.clear()
    warn_of_redis(other)
    assert "SECRET_KEY" not in caplog.text


def test_a_start_reads_the_list_only_where_something_is_wrong(
    keyed: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten(keyed)
    read: list[str] = []
    page = Suppressions.page
    monkeypatch.setattr(
        Suppressions, "page", lambda self, **asked: read.append(self.fingerprint) or page(self, **asked)
    )
    for one in (keyed, other):
        warn_of_redis(one)
    assert read == [other.suppressions.fingerprint]


def test_every_way_of_being_kept_is_judged(keyed: Store, other: Store, store: Store) -> None:
    forgotten(keyed, ANA)
    forgotten(store, BIA)
    kept = store.suppressions.hashes()
    ours = Pseudonyms(KEY).fingerprint
    assert kept == {ours: 1, "": 1}

    def level(kept: dict[str, int], ours: str) -> tuple[Level, bool]:
        (found,) = judge_hashes(kept, ours=ours)
        return found.level, "SECRET_KEY" in found.remedy

    assert level(dict(kept), ours) == (Level.OK, False)
    assert level(dict(kept), other.suppressions.fingerprint) == (Level.ERROR, True)
    assert level(dict(kept), "") == (Level.ERROR, True)
    assert level({"": 1}, "") == (Level.WARNING, True)
    assert level({}, "") == (Level.OK, False)
