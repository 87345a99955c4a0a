"""Phones, texts, and the table of what may follow what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.domain.campaign import RULES, Move
from broadcast.domain.contact import COMES_AFTER, Status
from broadcast.domain.phone import identity, mask, normalise


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("5511999999999", "5511999999999"),
        ("+55 (11) 99999-9999", "5511999999999"),
        ("11999999999", "5511999999999"),
        ("5511888888888", "5511888888888"),
        ("553199990001", "553199990001"),
        ("551133334444", "551133334444"),
        ("+14155552671", "14155552671"),
        ("+351 912 345 678", "351912345678"),
        ("999999999", None),
        ("5511", None),
        ("55119999999990000", None),
        ("5510999999999", None),
        ("abc", None),
        ("", None),
        ("5511999999999; DROP TABLE", None),
    ],
)
def test_a_number_becomes_e164_digits_or_nothing(text: str, digits: str | None) -> None:
    assert normalise(text, country="BR") == digits


@given(st.text(max_size=40))
def test_no_text_breaks_normalising(text: str) -> None:
    digits = normalise(text, country="BR")
    assert digits is None or digits.isdigit()


def test_both_forms_of_a_brazilian_mobile_are_one_person() -> None:
    assert identity("5531999990001") == identity("553199990001")
    assert identity("551133334444") == "551133334444"
    assert identity("14155552671") == "14155552671"


@given(st.from_regex(r"[0-9]{8,15}", fullmatch=True))
def test_a_masked_number_cannot_be_called(digits: str) -> None:
    assert mask(digits) != digits
    assert len(mask(digits)) == len(digits)


def test_what_is_over_is_never_undone() -> None:
    final = {Status.READ, Status.SKIPPED, Status.CANCELLED}
    assert all(not final & before for before in COMES_AFTER.values())


def test_sending_can_only_come_from_a_booking() -> None:
    assert COMES_AFTER[Status.SENDING] == {Status.BOOKED}


def test_every_move_has_its_rule() -> None:
    assert set(RULES) == set(Move)
