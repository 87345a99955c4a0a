"""What a variable is called: a message and a table write one name in several ways."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

#: What people call a contact's `name`.
_SAME = {"nome": "name"}
#: Characters that a variable's name has at most.
MOST_NAME = 128


@lru_cache(maxsize=4096)
def form_of(name: str) -> str:
    """What every way to write the name has in common; "" for what is no name.

    Capitals, accents, blanks and punctuation say nothing: `Preço (R$)` and `preco_r` are one.
    """
    if len(name) > MOST_NAME:
        return ""
    # Twice, because what folding capitals leaves can be taken apart again.
    letters = _bare(_bare(name).casefold())
    form = re.sub(r"[\W_]+", "_", letters).strip("_") or ("_" if "_" in name else "")
    return _SAME.get(form, form)


def _bare(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))


class Values:
    """A contact's values, found however a message writes their names."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._by_form: Mapping[str, str] | None = None

    def of(self, name: str) -> str:
        """The value, "" where there is none; that of the very name goes before those of the same form."""
        exact = self._given.get(name)
        if exact:
            return exact
        if self._by_form is None:
            # The first in the order of their names, because a store need not keep another.
            names = sorted(self._given, reverse=True)
            self._by_form = {form_of(other): self._given[other] for other in names if self._given[other]}
        return self._by_form.get(form_of(name), "")
