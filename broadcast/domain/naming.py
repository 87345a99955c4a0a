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


def value_of(name: str, values: Mapping[str, str]) -> str:
    """The value of the variable, "" where there is none; that of the very name goes before those of the same form."""
    exact = values.get(name)
    if exact:
        return exact
    form = form_of(name)
    # In the order of their names, because a store need not keep another.
    return next((values[other] for other in sorted(values) if values[other] and form_of(other) == form), "")
