"""What the columns of a table of people are called, and which of them have numbers, names and codes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

#: What a column of numbers may be called; of two, the one that comes first here is the likelier.
PHONE = ("whatsapp", "celular", "movil", "phone", "telefone", "telefono", "fone", "number", "numero", "contato")
#: word in a title -> how likely its column has the number that messages go to, 0 the likeliest
_WORDS = {
    **dict.fromkeys(("whatsapp", "whats", "wpp", "zap", "zapzap", "whatsappnumber", "numerowhatsapp"), 0),
    **dict.fromkeys(("celular", "celulares", "telemovel", "movil", "moviles", "mobile", "mobilephone"), 1),
    **dict.fromkeys(("cellphone", "cell", "cel", "numerocelular", "mobilenumber", "msisdn"), 1),
    **dict.fromkeys(("phone", "phones", "phonenumber", "telefone", "telefones", "telefono", "telefonos", "tel"), 2),
    **dict.fromkeys(("fone", "fones"), 2),
}
#: Beside such a word these say nothing of whose number it is. Any other word may: of a guarantor's, a vet's or a former
#: telephone, or of a record's number at WhatsApp, nobody can list them all.
_OWN = {
    "numero", "num", "nro", "number", "no", "de", "do", "da", "o", "e", "ou", "or", "com", "para", "of", "the",
    "ddd", "ddi", "contato", "contacto", "contact", "cliente", "client", "customer", "pessoal", "personal",
    "principal", "primary", "main", "fixo", "fijo", "residencial", "home", "casa", "comercial", "work", "trabalho",
    "value", "valor", "completo", "formatado", "formatted", "movel", "br", "brasil", "n", "a", "b", "s", "i", "ii",
    "iii", "obrigatorio", "opcional", "required", "optional", "proprio", "atual", "atualizado", "validado", "valido",
    "verificado", "ativo", "particular", "corporativo", "business", "preferencial", "unico",
}  # fmt: skip
#: Of titles without a telephone's word: beside a column that has one, these are house numbers and people.
_VAGUE = 3
#: Of codes, and of numbers that may be somebody else's.
_LAST = 4
#: A code that stands in a column of its own: not where the number comes behind it, as in DDD+Telefone.
_ALONE = r"\b(?!\s*(?:[+/&]|e\b)).*"
AREA = re.compile(rf"ddd{_ALONE}|ddd ?\d")
COUNTRY = re.compile(rf"ddi{_ALONE}|ddi ?\d|codigo (?:do )?pais|country code")
#: What a column of names may be called; of two, the one that comes first here has them.
NAME = (
    "name",
    "nome",
    "nombre",
    "first name",
    "primeiro nome",
    "nome completo",
    "full name",
    "nome do cliente",
    "cliente",
)
#: A Brazilian's two kinds of number, perhaps with the country's code.
_LANDLINE = re.compile(r"(?:55)?0?[1-9][1-9][2-5]\d{7}")
_MOBILE = re.compile(r"(?:55)?0?[1-9][1-9]9\d{8}")
#: A title has fewer digits than anybody's number.
_MOST_DIGITS = 7
#: How a number is written.
_NUMBER = re.compile(r"[^0-9A-Za-z]*(?:[0-9][^0-9A-Za-z]*){8,15}")
#: What has a number's digits, and is none.
_MOMENT = re.compile(r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}(?:\s+\d{1,2}:\d{2}(?::\d{2})?)?")
#: What people write before a number.
_LABEL = re.compile(r"[^\W\d_]+:")
#: A header and the numbers below it that have become one line.
_RUN_TOGETHER = re.compile(rf"(?:{'|'.join(PHONE)})\d{{8,}}")
#: A number with fewer digits may lack its area code.
_WHOLE = 10


def plain(title: str) -> str:
    """A column's title without accents, blanks around it, or capitals."""
    letters = unicodedata.normalize("NFKD", title.strip().lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def looks_like_number(cell: str) -> bool:
    """Whether a cell has as many digits as a number, and nothing else."""
    return _NUMBER.fullmatch(cell) is not None


def may_be_number(cell: str) -> bool:
    """Whether a cell in a column of numbers has one: no date, nor the zeros that fill up an empty field."""
    bare = _LABEL.sub("", cell, count=1) if ":" in cell else cell
    return looks_like_number(bare) and is_part(bare) and len(set(_digits(bare))) > 1


def is_part(cell: str) -> bool:
    """Whether a cell in a column of numbers has some of one: digits that are no date."""
    return bool(_digits(cell)) and not _MOMENT.fullmatch(cell)


def is_run_together(cells: Sequence[str]) -> bool:
    """Whether titles have the rows below them behind themselves: the ends of lines were lost."""
    titles = [plain(cell) for cell in cells]
    return _RUN_TOGETHER.match(titles[0]) is not None or (
        any(title in PHONE for title in titles) and any(len(_digits(title)) > _MOST_DIGITS for title in titles)
    )


def is_whole(cell: str) -> bool:
    """Whether such a number has as many digits as one with its area code."""
    digits = len(_digits(cell))
    return (digits - 2 if cell.startswith("+55") else digits) >= _WHOLE


def is_landline(cell: str) -> bool:
    """Whether a number is written as a Brazilian landline's is, and nothing else."""
    return _LANDLINE.fullmatch("".join(_digits(cell))) is not None


def is_mobile(cell: str) -> bool:
    """Whether a number is written as a Brazilian mobile's is, with its nine."""
    return _MOBILE.fullmatch("".join(_digits(cell))) is not None


def phone_columns(titles: Sequence[str]) -> list[int]:
    """The columns that may have the numbers, the likeliest first; none where this is no header.

    Beside one that has a person's own, what may be somebody else's is none.
    """
    is_header = not any(looks_like_number(title) for title in titles)  # or else a contact may be called Cel
    ranks = sorted((_rank(title), index) for index, title in enumerate(titles) if is_header or title in PHONE)
    least = _VAGUE if ranks and ranks[0][0][0] < _VAGUE else _LAST
    return [index for rank, index in ranks if rank[0] <= least]


def rivals(titles: Sequence[str]) -> list[int]:
    """The columns of which each may have the numbers, or somebody else's, where none is a person's own for sure."""
    found = phone_columns(titles)
    if not found or _rank(titles[found[0]])[0] < _VAGUE:
        return []
    codes = (AREA, COUNTRY)
    last = [index for index in found if _rank(titles[index])[0] == _LAST]
    return [index for index in last if not any(code.fullmatch(titles[index]) for code in codes)]


def phones_beside(titles: Sequence[str], phone: int) -> list[int]:
    """The columns that have a person's numbers where this one has them, itself among them; the likeliest first.

    A house number, a name or somebody else's number is never taken for an empty telephone.
    """
    is_clear = bool(titles) and _rank(titles[phone])[0] < _VAGUE
    found = [index for index in phone_columns(titles) if _rank(titles[index])[0] < _VAGUE] if is_clear else []
    return found or [index for index, title in enumerate(titles) if title == titles[phone]] or [phone]


def says_whatsapp(title: str) -> bool:
    """Whether a column of this title has the numbers that WhatsApp is at, whatever kind they are of."""
    return _rank(title)[0] == 0


def nearest(titles: Sequence[str], code: re.Pattern[str], phone: int) -> int | None:
    """The column of codes that go with these numbers: of several, the one that is nearest before them."""
    found = [index for index, title in enumerate(titles) if code.fullmatch(title) and index != phone]
    return max((index for index in found if index < phone), default=next(iter(found), None))


def name_columns(titles: Sequence[str]) -> list[str]:
    """Those of the titles that a column of names has, the likeliest first."""
    forms = {title: " ".join(re.split(r"[\s_]+", title)) for title in titles}
    return sorted((title for title, form in forms.items() if form in NAME), key=lambda title: NAME.index(forms[title]))


def is_name(cell: str, title: str) -> bool:
    """Whether a cell in such a column has a name; a client may have a number there."""
    return any(map(str.isalpha, cell)) if title == "cliente" else bool(cell)


def _rank(title: str) -> tuple[int, int]:
    """How likely a column of this title has the numbers; the less, the likelier."""
    words = set(re.findall(r"[a-z]+", title))
    place = PHONE.index(title) if title in PHONE else len(PHONE)
    rank = min((_WORDS[word] for word in words if word in _WORDS), default=_VAGUE if title in PHONE else _LAST + 1)
    is_last = rank < _VAGUE and (words - _OWN - set(_WORDS) or AREA.fullmatch(title) or COUNTRY.fullmatch(title))
    return (_LAST, rank) if is_last else (rank, place)


def quality(titles: Sequence[str]) -> tuple[bool, int] | None:
    """How good a header this row would be, the less the better; None where it can be none.

    What stands above a table has one cell that is filled, or names no column of numbers as clearly.
    """
    found = phone_columns(titles)
    if not found or any(len(_digits(title)) > _MOST_DIGITS for title in titles if "\n" not in title):
        return None
    return len(titles) > 1 and sum(map(bool, titles)) == 1, _rank(titles[found[0]])[0]


def is_clear(quality: tuple[bool, int]) -> bool:
    """Whether no row below can be a better header."""
    is_narrow, rank = quality
    return not is_narrow and rank < _VAGUE


def _digits(text: str) -> list[str]:
    return [sign for sign in text if sign.isdigit()]
