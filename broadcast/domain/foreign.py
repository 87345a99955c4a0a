"""Marks of other tools in a message, which mean nothing here: people bring along the texts that they wrote there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from broadcast.domain.filling import rests
from broadcast.domain.naming import form_of

#: What other tools call a contact's fields, as `form_of` writes it; whatever the contacts have counts as well.
COMMON = frozenset({
    "name", "first_name", "firstname", "last_name", "lastname", "full_name", "fullname", "customer_name", "nombre",
    "primeiro_nome", "primeironome", "sobrenome", "nome_completo", "nomecompleto", "cliente", "nome_cliente",
    "nome_do_cliente", "contato", "nome_do_contato", "telefone", "phone", "celular", "email",
})  # fmt: skip
#: `{…}` and `[…]` that are not doubled.
_BRACES = re.compile(r"(?<!\{)\{([^{}\n]{1,256})\}(?!\})")
_BRACKETS = re.compile(r"(?<!\[)\[([^\[\]\n]{1,256})\](?!\])")
#: What stands between two signs that are often there for themselves; each sign may begin one.
_SIGNED = re.compile(r"(?=(#([^#\n]{1,64})#|%([^%\n]{1,64})%|<([^<>\n]{1,64})>))")
_WORD = re.compile(r"\s*[^\W\d_][\w-]*\s*")
_LETTER = re.compile(r"[^\W\d_]")


def foreign(text: str, names: Set[str]) -> str | None:
    """The first such mark of what goes out as it stands; `names` are those of the contacts' variables.

    `{nome}` and `{Oi|Olá}`, `[Oi|Olá]`; and `[nome]`, `#nome#`, `%nome%`, `<nome>` with a name that a field may have.
    """
    known = COMMON | {form_of(name) for name in names}
    return next((mark for rest in rests(text) for mark in _marks(rest, known)), None)


def _marks(text: str, known: Set[str]) -> Iterator[str]:
    for match in _BRACES.finditer(text):
        if _is_choice(match[1]) or _WORD.fullmatch(match[1]) or _is_known(match[1], known):
            yield match[0]
    for match in _BRACKETS.finditer(text):
        if _is_choice(match[1]) or _is_known(match[1], known):
            yield match[0]
    for match in _SIGNED.finditer(text):
        within = next(filter(None, match.groups()[1:]))
        if within == within.strip() and _is_known(within, known):
            yield match[1]


def _is_choice(within: str) -> bool:
    """Whether it offers words; JSON has its own in quotation marks."""
    return '"' not in within and "|" in within and all(map(_LETTER.search, within.split("|")))


def _is_known(within: str, known: Set[str]) -> bool:
    return _LETTER.search(within) is not None and form_of(within) in known
