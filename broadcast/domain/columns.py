"""What the columns of a table of people are called, and which of them have numbers, names and codes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

#: What a column of numbers may be called; of two, the one that comes first here is the likelier.
PHONE = ("whatsapp", "celular", "movil", "phone", "telefone", "telefono", "fone", "number", "numero", "contato")
#: word in a title -> how likely its column has the number that messages go to, 0 the likeliest
_WORDS = {
    "whatsapp": 0,
    **dict.fromkeys(("celular", "movil", "mobile", "cel"), 1),
    **dict.fromkeys(("phone", "telefone", "telefono", "fone", "tel"), 2),
}
#: Of titles without such a word: beside a column that has one, these are house numbers and people.
_VAGUE = 3
#: Of codes, and of numbers of somebody else, whose words these are.
_LAST = 4
_SOMEBODY_ELSE = {
    "vendedor", "vendedora", "consultor", "consultora", "corretor", "corretora", "gerente", "atendente", "loja",
    "filial", "conjuge", "esposa", "marido", "mae", "pai", "responsavel", "recado", "recados", "referencia",
    "emergencia", "emergency", "seller", "agent", "spouse",
}  # fmt: skip
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


def is_run_together(cell: str) -> bool:
    """Whether a cell is the title of the numbers with one of them behind it: the ends of lines were lost."""
    return _RUN_TOGETHER.match(plain(cell)) is not None


def is_whole(cell: str) -> bool:
    """Whether such a number has as many digits as one with its area code."""
    return len(_digits(cell)) >= _WHOLE


def phone_columns(titles: Sequence[str]) -> list[int]:
    """The columns that may have the numbers, the likeliest first; none where this is no header."""
    is_header = not any(looks_like_number(title) for title in titles)  # or else a contact may be called Cel
    ranks = [(_rank(title), index) for index, title in enumerate(titles) if is_header or title in PHONE]
    return [index for rank, index in sorted(ranks) if rank[0] <= _LAST]


def phones_beside(titles: Sequence[str], phone: int) -> list[int]:
    """The columns that have a person's numbers where this one has them, itself among them; the likeliest first.

    A house number, a name or somebody else's number is never taken for an empty telephone.
    """
    is_clear = bool(titles) and _rank(titles[phone])[0] < _VAGUE
    found = [index for index in phone_columns(titles) if _rank(titles[index])[0] < _VAGUE] if is_clear else []
    return found or [index for index, title in enumerate(titles) if title == titles[phone]] or [phone]


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
    is_last = rank < _VAGUE and (words & _SOMEBODY_ELSE or AREA.fullmatch(title) or COUNTRY.fullmatch(title))
    return (_LAST, rank) if is_last else (rank, place)


def _digits(text: str) -> list[str]:
    return [sign for sign in text if sign.isdigit()]
