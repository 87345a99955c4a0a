"""Phone numbers: one canonical form, and one identity for a person with two Brazilian forms."""

from __future__ import annotations

import re

import phonenumbers

#: 55, a two-digit area code without zeros, then eight or nine digits. Which of the two a WhatsApp account
#: has depends on its age, so both are taken and the gateway decides.
_BRAZILIAN = re.compile(r"55([1-9][1-9])(\d{8,9})")


def normalise(text: str, *, country: str) -> str | None:
    """E.164 digits without the plus, or None for what cannot be a number.

    A number without a country code is read as one of `country` (ISO 3166 alpha-2). Whether a possible
    number exists on WhatsApp only the gateway knows, so the test is one of shape.
    """
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    digits = f"{number.country_code}{phonenumbers.national_significant_number(number)}"
    if digits.startswith("55") and not _BRAZILIAN.fullmatch(digits):
        return None
    return digits


def spelled(digits: str, *, country: str) -> str:
    """E.164 digits so that `normalise` reads them back: with a plus where alone they would be somebody else's."""
    return digits if normalise(digits, country=country) == digits else f"+{digits}"


def identity(digits: str) -> str:
    """What two forms of one person share: a Brazilian mobile is the same with and without its ninth digit."""
    match = _BRAZILIAN.fullmatch(digits)
    if match is None:
        return digits
    area, local = match.groups()
    is_mobile = len(local) == 9 or local[0] in "6789"
    return f"55{area}{local[-8:]}" if is_mobile else digits


def forms(digits: str) -> frozenset[str]:
    """Every form in which the person may have been stored: of a Brazilian mobile, with and without its ninth digit."""
    short = identity(digits)
    return frozenset(form for form in (digits, short, f"{short[:4]}9{short[4:]}") if identity(form) == short)


def mask(digits: str) -> str:
    """A number fit for a log: enough to recognise, not enough to call."""
    return f"{digits[:4]}{'*' * max(len(digits) - 6, 0)}{digits[-2:]}" if len(digits) > 6 else "*" * len(digits)
