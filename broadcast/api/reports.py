"""A campaign's report as CSV, line by line as it is read, the way spreadsheets take it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from urllib.parse import quote

from flask import Response

from broadcast.api import answers
from broadcast.api.asking import instance_of, services
from broadcast.domain.contact import Status
from broadcast.domain.phone import grouped
from broadcast.domain.spreadsheet import harmless, written
from broadcast.engine import reporting
from broadcast.engine.telling import ContactView

CSV = "text/csv"
#: What a header takes as a file's name without quotes, and no system as anything else.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
#: What may stand between two cells, by its name in the query.
SEPARATORS = {",": ",", ";": ";", "tab": "\t"}
#: The titles, in this order; they are the names in the JSON answer, and new ones are only ever added at the end.
TITLES = (
    "number", "phone", "name", "status", "reason", "detail", "attempts", "messageId", "departedAt", "sentAt",
    "deliveredAt", "readAt", "failedAt", "skippedAt", "cancelledAt", "unconfirmedAt",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """How a report is written. `cells` has no request any more: it is asked for each contact as the answer is read."""

    separator: str
    bom: bool
    titles: Sequence[str]
    cells: Callable[[ContactView], Sequence[object]]  #: None is an empty one


def plain(*, bom: bool, separator: str) -> Sheet:
    """The API's own: what the JSON answer has, under the same names; numbers in groups where it is for spreadsheets."""
    phone = phones() if bom else None

    def cells(view: ContactView) -> Sequence[object]:
        shown = {**answers.contact(view), **({"phone": phone(view)} if phone else {})}
        return [shown[title] for title in TITLES]

    return Sheet(separator=separator, bom=bom, titles=TITLES, cells=cells)


def phones() -> Callable[[ContactView], str]:
    """How spreadsheets take a contact's number: long ones without groups are rounded, and lose digits when saved."""
    country = services().settings.default_country
    return lambda view: view.phone if view.reason == "invalid_phone" else grouped(view.phone, country=country)


def stream(campaign: str, sheet: Sheet, *, status: Status | None = None, reason: str | None = None) -> Response:
    """The whole report, however long, in constant memory."""
    instance_of(campaign)
    pages = reporting.report(services().store, campaign, status=status, reason=reason)
    first = next(pages)  # asked for before the answer begins: a Redis that is away is a 503 still
    between = SEPARATORS[sheet.separator]

    def lines() -> Iterator[str]:
        yield ("\ufeff" if sheet.bom else "") + written(sheet.titles, separator=between)
        for views in chain([first], pages):
            yield "".join(written(_harmless(sheet.cells(view)), separator=between) for view in views)

    # RFC 6266: the second name has any letters; the first is for whoever cannot read that.
    name = campaign if _PLAIN.fullmatch(campaign) else "report"
    disposition = f"attachment; filename={name}.csv; filename*=UTF-8''{quote(campaign, safe='')}.csv"
    return Response(lines(), content_type=f"{CSV}; charset=utf-8", headers={"Content-Disposition": disposition})


def _harmless(cells: Sequence[object]) -> list[str]:
    # Whatever strangers may have written: names, gateways' words, numbers that are none.
    return ["" if cell is None else harmless(str(cell)) for cell in cells]
