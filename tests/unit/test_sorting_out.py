"""Who of an order is sent to, and who is left out: each person once, by a row of theirs that will do."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.domain.contact import Contact, Recipient, Status
from broadcast.domain.phone import identity
from broadcast.engine.accepting import sort_out
from tests.builders import an_order

ANA, ANA_SHORT, BIA, ZE = "5511999990001", "551199990001", "5511999990002", "5511999990003"
DUE = {"vencimento": "10/12/2026"}


def sorted_out(*rows: tuple[str, dict[str, str]]) -> list[Contact]:
    recipients = [Recipient(phone=phone, vars=values) for phone, values in rows]
    order = an_order(text="Vence {{Vencimento}}", recipients=recipients)
    return list(sort_out(order, country="BR", opted_out=frozenset({identity(ZE)})))


@pytest.mark.parametrize("wrong", [{}, {"Vencto": "10/12/2026"}, {"vencimento": "x" * 5000}])
def test_a_row_that_will_not_do_leaves_the_place_to_the_corrected_one(wrong: dict[str, str]) -> None:
    found = sorted_out((ANA, wrong), (ANA_SHORT, DUE), (ANA, wrong), (ANA, DUE))

    assert [one.status for one in found] == [Status.SKIPPED, Status.PENDING, Status.SKIPPED, Status.SKIPPED]
    assert found[0].reason in {"missing_variable", "too_long"}
    assert [one.reason for one in found[2:]] == ["duplicate", "duplicate"]


def test_who_opted_out_is_said_to_have_each_time() -> None:
    assert [one.reason for one in sorted_out((ZE, DUE), ("n/a", DUE), (ZE, {}), ("n/a", DUE))] == [
        "opted_out", "invalid_phone", "opted_out", "invalid_phone",
    ]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from([ANA, ANA_SHORT, BIA, ZE, "n/a"]), st.sampled_from([{}, DUE, {"x": "y"}]))))
def test_everybody_with_a_row_that_will_do_is_sent_to_once(rows: list[tuple[str, dict[str, str]]]) -> None:
    found = sorted_out(*rows)

    queued = Counter(identity(one.phone) for one in found if one.status is Status.PENDING)
    assert queued == Counter(
        {identity(phone) for phone, values in rows if phone in {ANA, ANA_SHORT, BIA} and values == DUE}
    )
    assert all(identity(one.phone) in queued for one in found if one.reason == "duplicate")
