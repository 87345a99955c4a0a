"""Phone numbers: one canonical form, and one identity for a person with two Brazilian, Mexican or Argentine forms."""

from __future__ import annotations

import re

import phonenumbers

#: 55, a two-digit area code without zeros, then eight or nine digits. Which of the two a WhatsApp account
#: has depends on its age, so both are taken and the gateway decides.
_BRAZILIAN = re.compile(r"55([1-9][1-9])(\d{8,9})")
#: Since 2019 Mexican mobiles are dialled without the 1 that WhatsApp still has in many an account's name.
_MEXICAN = re.compile(r"521?(\d{10})")
#: From abroad an Argentine mobile is dialled with a 9 before the area code, which stands nowhere else.
_ARGENTINE = re.compile(r"549?([1-8]\d{9})")
#: What people write before a number.
_LABEL = re.compile(r"^\s*[^\W\d_]+:")
#: Signs at either end say nothing: Excel's `'`, marks of direction, a comma.
_EDGES = re.compile(r"^[^\w+(\uff0b]+|[\W_]+$")
_PLUS = re.compile("[+\uff0b]")
#: How a spreadsheet writes a whole number that it took for a fraction.
_WHOLE = re.compile(r"(\+?\d{8,})[.,]0{1,2}")
#: Groups of digits, and what may stand between them.
_GROUPED = re.compile(r"[(\uff08]?[+\uff0b]?[\d\s().\-\u00ad\u200b\u2010-\u2015\u2060\u2212\u30fc\uff08\uff09\uff0d]+")
#: A fraction, or what may be one: nobody's last group after a single dot is that short.
_FRACTION = re.compile(r"[^.]*\.\d{1,3}")
#: A person's tax number, as Brazilians write it.
_CPF = re.compile(r"\d{3}\.\d{3}\.\d{3}-\d{2}")
#: A digit that stands alone behind the others.
_STRAY = re.compile(r"(.*\d\D+)\d")
#: How a spreadsheet shows a number that is too wide for its column; what it then saves has lost digits.
_ROUNDED = re.compile(r"\d[.,]\d+e\+?\d{1,2}", re.IGNORECASE)
#: A Brazilian's number without the area code: eight digits, or nine.
_LOCAL = re.compile(r"(?:\+55)?9?\d{8}")
#: Why a text may be none.
ROUNDED = "a spreadsheet rounded it"
NO_AREA = "it has no area code"
#: Characters of a number at most: none has as many.
_MOST = 250
#: Fewer digits than that may be part of anybody's number.
_TELLING = 8


def normalise(text: str, *, country: str) -> str | None:
    """E.164 digits without the plus, or None for what cannot be a number.

    A number without a country code is read as one of `country` (ISO 3166 alpha-2). Whether a possible
    number exists on WhatsApp only the gateway knows, so the test is one of shape. What holds more than one
    number's digits, or may, is none: it would be somebody else's.
    """
    written = _written(text)
    if written is None:
        return None
    digits, stray = _digits(written, country), _STRAY.fullmatch(written)
    return None if stray and _digits(stray[1], country) else digits


def with_country(text: str, code: str) -> str:
    """What is written as a number, with the country code that stands beside it, where it has none of its own.

    That of another country makes it no Brazilian's, whatever it looks like.
    """
    written = _written(text)
    if written is None or _PLUS.search(written) or int(code) not in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        return text
    digits = re.sub(r"\D", "", written)
    if digits.startswith(f"00{code}"):
        return f"+{digits[2:]}"
    return f"+{written}" if digits.startswith(code) and _is_somebodys(f"+{digits}") else f"+{code} {written}"


def _is_somebodys(text: str) -> bool:
    """Whether its country has such numbers: Brazil's area 55 is no country code."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return False


def _written(text: str) -> str | None:
    """The digits of one number, and what stands between them; None for what cannot be one."""
    if len(text) > _MOST:
        return None
    bare = _EDGES.sub("", _LABEL.sub("", text, count=1))
    whole = _WHOLE.fullmatch(bare)
    written = whole[1] if whole else bare
    is_other = _FRACTION.fullmatch(written) or _CPF.fullmatch(written)
    return written if _GROUPED.fullmatch(written) and not is_other else None


def why_none(text: str, *, country: str) -> str:
    """What may be wrong with a text that `normalise` takes for no number; "" where nobody can say."""
    if _ROUNDED.fullmatch(text.strip()):
        return ROUNDED
    is_local = country == "BR" and len(text) <= _MOST and _LOCAL.fullmatch(re.sub(r"[\s.-]", "", text))
    return NO_AREA if is_local else ""


def _digits(text: str, country: str) -> str | None:
    # Brazil's 00 is followed by a carrier's two digits, for which the library would take the 55.
    bare = re.sub(r"\D", "", text)
    if bare.startswith("0055") and _BRAZILIAN.fullmatch(bare[2:]):
        return bare[2:]
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    digits = f"{number.country_code}{phonenumbers.national_significant_number(number)}"
    if _MEXICAN.fullmatch(digits):
        return digits
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    if digits.startswith("55") and not _BRAZILIAN.fullmatch(digits):
        return None
    # No area code of North America begins so.
    return None if digits.startswith(("10", "11")) else digits


def spelled(digits: str, *, country: str) -> str:
    """E.164 digits so that `normalise` reads them back: with a plus where alone they would be somebody else's."""
    return digits if normalise(digits, country=country) == digits else f"+{digits}"


def grouped(digits: str, *, country: str) -> str:
    """E.164 digits so that spreadsheets keep them as text, and `normalise` reads them back; nothing else changes.

    A plus that stands first would be a formula, so one that cannot be left out has a bracket before it.
    """
    if brazilian := _BRAZILIAN.fullmatch(digits):
        area, local = brazilian.groups()
        code, rest = "55", f"{area} {local[:-4]}-{local[-4:]}"
        if country == "BR":  # is read back always, and trying it with each row of a long report would take long
            return f"{code} {rest}"
    elif not digits.isdecimal():  # whose data were deleted
        return digits
    else:
        try:
            number = phonenumbers.parse(f"+{digits}")
        except phonenumbers.NumberParseException:
            return digits
        code = str(number.country_code)
        rest = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)[len(code) + 1 :].strip()
        if code + re.sub(r"\D", "", rest) != digits:
            rest = digits[len(code) :]
    bare = f"{code} {rest}"
    return bare if normalise(bare, country=country) == digits else f"(+{code}) {rest}"


def identity(digits: str) -> str:
    """What two forms of one person share: a Brazilian's ninth digit, a Mexican's 1 and an Argentine's 9 are left out.

    Brazilian mobiles that were never dialled with eight digits (those begin with 6 to 9) have one form.
    """
    if mexican := _MEXICAN.fullmatch(digits):
        return f"52{mexican[1]}"
    if argentine := _ARGENTINE.fullmatch(digits):
        return f"54{argentine[1]}"
    match = _BRAZILIAN.fullmatch(digits)
    if match is None:
        return digits
    area, local = match.groups()
    return f"55{area}{local[-8:]}" if local[-8] in "6789" else digits


def forms(digits: str) -> frozenset[str]:
    """Every form in which the person may have been stored: with and without the digit that `identity` leaves out."""
    short = identity(digits)
    longer = (f"{short[:4]}9{short[4:]}", f"{short[:2]}1{short[2:]}", f"{short[:2]}9{short[2:]}")
    return frozenset(form for form in (digits, short, *longer) if identity(form) == short)


def at_home(digits: str) -> str:
    """E.164 digits as people write them in their own country, without its code; all of them where few would be left."""
    try:
        national = phonenumbers.national_significant_number(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        return digits
    return national if len(national) >= _TELLING else digits


def mask(digits: str) -> str:
    """A number fit for a log: enough to recognise, not enough to call."""
    return f"{digits[:4]}{'*' * max(len(digits) - 6, 0)}{digits[-2:]}" if len(digits) > 6 else "*" * len(digits)
