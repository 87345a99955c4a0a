"""What is wrong with one row of a list, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, lazy_gettext

from broadcast.dashboard.blueprint import blueprint

#: what the API says of a contact that cannot be read
ROW_PROBLEMS: Mapping[str, Any] = {
    "is not JSON": lazy_gettext("this is not JSON"),
    "unknown field": lazy_gettext("a field that is not known; variables go into vars"),
    "must be a phone number or an object": lazy_gettext("must be a number, or an object with phone, name and vars"),
    "must be a text such as": lazy_gettext('must be a text such as "5511999990001", in quotation marks'),
    "must be a text": lazy_gettext("must be a text, and not too long a one"),
    "must be an object of texts": lazy_gettext("must be an object of texts, and none of them too long"),
    "has more cells than titles": lazy_gettext(
        "more cells than there are titles: put what has the separator in it between quotation marks"
    ),
    "characters that cannot be sent": lazy_gettext("has characters that cannot be sent"),
}


@blueprint.app_template_global()
def row_title(number: int) -> str:
    """What a row is called: by the number that a spreadsheet shows beside it, without separators as there."""
    return str(gettext("Row %(number)s", number=number))


def row_problem(detail: str) -> str:
    """What is wrong with a contact that cannot be read, for people; each problem may begin with its place."""
    return "; ".join(_row_problem(part) for part in detail.split("; "))


def _row_problem(part: str) -> str:
    place, _blank, words = part.partition(" ") if part.startswith("/") else ("", "", part)
    text = str(next((text for said, text in ROW_PROBLEMS.items() if said in words), words))
    return f"{place}: {text}" if place else text
