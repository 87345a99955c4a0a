"""Phones, texts, and the table of what may follow what."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from broadcast.domain.campaign import RULES, Move
from broadcast.domain.contact import COMES_AFTER, Status
from broadcast.domain.phone import (
    NO_AREA,
    ROUNDED,
    forms,
    grouped,
    identity,
    mask,
    normalise,
    why_none,
    with_country,
)


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
        ("+52 1 55 1234 5678", "5215512345678"),
        ("+52 55 1234 5678", "525512345678"),
        ("999999999", None),
        ("5511", None),
        ("55119999999990000", None),
        ("5510999999999", None),
        ("abc", None),
        ("", None),
        ("5511999999999; DROP TABLE", None),
        ("1199990001.0", "551199990001"),
        ("551133334444.0", "551133334444"),
        ("+551133334444,0", "551133334444"),
        ("1133334444,00", "551133334444"),
        ("5.5119876543E12", None),
        ("5,51199E+12", None),
        ("1.1987654E10", None),
        ("1199999000O", None),
        ("0055 11 99999-0001", "5511999990001"),
        ("+005511999990001", "5511999990001"),
        ("0041 11 99999-0001", None),
        ("123.456.789-09", None),
        ("l1 99999-0001", None),
        ("11 3333-4444 r2", None),
        ("11 3333-44 r: 44", None),
        ("R$ 1133334444", None),
        ("11987654321,5", None),
        ("1199990001.5", None),
        ("11 3333-4444, 5", None),
        ("1133334444 / 5", None),
        ("+55 (11) 99999-0001 / 98888-0001", None),
        ("11 9999-0001 2", None),
        ("+55 11 9999-0001 2", None),
        ("11 3333-4444-1", None),
        ("119999-0001 (1)", None),
        ("11.98765.4321", "5511987654321"),
        ("11.987654321", "5511987654321"),
        ("+33 6.12.34.56.78", "33612345678"),
        ("11 9 9999 0001", "5511999990001"),
        ("(+55) 11 99999-0001", "5511999990001"),
        ("+55 (0) 11 99999\u20110001", "5511999990001"),
        ("\u202a+5511999990001\u202c", "5511999990001"),
        ("'5511999990001", "5511999990001"),
        ("\uff15\uff1511999990001", "5511999990001"),
        ("tel:+55-11-99999-0001", "5511999990001"),
        ("Cel: 11 99999-0001,", "5511999990001"),
    ],
)
def test_a_number_becomes_e164_digits_or_nothing(text: str, digits: str | None) -> None:
    assert normalise(text, country="BR") == digits


@given(st.text(max_size=40))
def test_no_text_breaks_normalising(text: str) -> None:
    digits = normalise(text, country="BR")
    assert digits is None or digits.isdigit()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("5,51199E+12", ROUNDED), ("5.51199e12", ROUNDED), ("999990001", NO_AREA), ("3333-4444", NO_AREA),
        ("+55 99999-0001", NO_AREA),
        ("123", ""), ("n/a", ""),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_does_to_numbers_is_called_by_its_name(text: str, why: str) -> None:
    assert normalise(text, country="BR") is None
    assert why_none(text, country="BR") == why


@pytest.mark.parametrize(
    ("text", "code", "digits"),
    [
        ("11 99999-0001", "55", "5511999990001"),
        ("(11) 3333-4444", "55", "551133334444"),
        ("011 99999-0001", "55", "5511999990001"),
        ("11999990001.0", "55", "5511999990001"),
        ("'11999990001", "55", "5511999990001"),
        ("5511999990001", "55", "5511999990001"),
        ("+5511999990001", "55", "5511999990001"),
        ("+351 912 345 678", "55", "351912345678"),
        ("55 99999-0001", "55", "5555999990001"),  # an area code, too
        ("5533334444", "55", "555533334444"),
        ("2125551234", "1", "12125551234"),
        ("(212) 555-1234", "1", "12125551234"),
        ("12125551234", "1", "12125551234"),
        ("912345678", "351", "351912345678"),
        ("351912345678", "351", "351912345678"),
        ("00351912345678", "351", "351912345678"),
        ("4915112345678", "49", "4915112345678"),
        ("11999990001", "1", None),
        ("11999990001", "351", None),
        ("5511999990001", "351", None),
        ("11999990001", "999", "5511999990001"),  # no country's
        ("123.456.789-09", "55", None),
        ("n/a", "55", None),
        ("", "55", None),
    ],
)
def test_a_country_code_goes_before_a_number_that_has_none(text: str, code: str, digits: str | None) -> None:
    assert normalise(with_country(text, code), country="BR") == digits


@given(
    st.from_regex(r"(00)?(55)?0?[1-9]{2} ?9?[0-9]{4}-?[0-9]{4}", fullmatch=True),
    st.sampled_from(sorted(COUNTRY_CODE_TO_REGION_CODE.keys() - {55})),
)
def test_another_countrys_code_never_makes_a_brazilians_number(text: str, code: int) -> None:
    assert not (normalise(with_country(text, str(code)), country="BR") or "").startswith("55")


@pytest.mark.parametrize(
    ("digits", "country", "text"),
    [
        ("5511999990001", "BR", "55 11 99999-0001"),
        ("551199990001", "BR", "55 11 9999-0001"),
        ("14155552671", "US", "1 415-555-2671"),
        ("14155552671", "BR", "(+1) 415-555-2671"),  # without the plus it would be somebody in Marília
        ("351912345678", "BR", "(+351) 912 345 678"),
        ("5215512345678", "BR", "(+52) 15512345678"),
        ("5511999990001", "PT", "(+55) 11 99999-0001"),
        ("5511*******01", "BR", "5511*******01"),
        ("9999", "BR", "9999"),
    ],
)
def test_grouped_a_number_is_text_for_a_spreadsheet_and_never_a_formula(digits: str, country: str, text: str) -> None:
    assert grouped(digits, country=country) == text


def test_a_grouped_number_is_read_back_as_the_same_one() -> None:
    brazilian = [f"55{area}{local}" for area in range(11, 100) if area % 10 for local in ("999990001", "33334444")]
    found = (phonenumbers.example_number(region) for region in phonenumbers.SUPPORTED_REGIONS)
    written = (phonenumbers.format_number(one, phonenumbers.PhoneNumberFormat.E164)[1:] for one in found if one)
    for digits in [*brazilian, *(one for one in written if normalise(f"+{one}", country="BR") == one)]:
        for country in ("BR", "PT", "US"):
            text = grouped(digits, country=country)
            assert normalise(text, country=country) == digits, text
            assert re.fullmatch(r"[(\d]\S* [\d ().-]*\d", text), text


def test_both_forms_of_a_brazilian_mobile_are_one_person() -> None:
    assert identity("5531999990001") == identity("553199990001")
    assert identity("551133334444") == "551133334444"
    assert identity("14155552671") == "14155552671"
    assert identity("5511951234567") != identity("551151234567")  # the mobile has no short form, and that is a landline


def test_both_forms_of_a_mexican_mobile_are_one_person() -> None:
    assert identity("5215512345678") == identity("525512345678")
    assert forms("525512345678") == {"5215512345678", "525512345678"}


def test_both_forms_of_an_argentine_mobile_are_one_person() -> None:
    for text in ("+54 9 11 2233-4455", "+54 11 2233-4455"):
        assert identity(normalise(text, country="BR") or "") == "541122334455"
    assert forms("541122334455") == forms("5491122334455") == {"541122334455", "5491122334455"}


@pytest.mark.parametrize(
    "digits",
    ["54112233445", "549112233445", "54911223344556", "5481122334455", "5411223344556", "595491122334", "15491122334"],
)
def test_what_only_looks_argentine_keeps_its_identity(digits: str) -> None:
    assert identity(digits) == digits
    assert forms(digits) == {digits}


@given(st.from_regex(r"(55|54|52|1)[0-9]{8,11}", fullmatch=True))
def test_all_forms_of_a_person_have_one_identity(digits: str) -> None:
    assert {identity(form) for form in forms(digits)} == {identity(digits)}
    assert digits in forms(digits)


@given(st.from_regex(r"[0-9]{8,15}", fullmatch=True))
def test_a_masked_number_cannot_be_called(digits: str) -> None:
    assert mask(digits) != digits
    assert len(mask(digits)) == len(digits)


def test_what_is_over_is_never_undone() -> None:
    assert all(Status.READ not in before for before in COMES_AFTER.values())
    # but where a receipt tells of an attempt that was made before
    given_up = {Status.SKIPPED, Status.CANCELLED}
    assert {after for after, before in COMES_AFTER.items() if given_up & before} == {
        Status.SENT,
        Status.DELIVERED,
        Status.READ,
    }


def test_sending_can_only_come_from_a_booking() -> None:
    assert COMES_AFTER[Status.SENDING] == {Status.BOOKED}


def test_every_move_has_its_rule() -> None:
    assert set(RULES) == set(Move)
