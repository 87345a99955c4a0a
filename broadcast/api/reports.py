"""A campaign's report as CSV, line by line as it is read, the way spreadsheets take it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any
from urllib.parse import quote

from flask import Response

from broadcast.api import answers
from broadcast.api.asking import instance_of, services
from broadcast.domain.contact import Status
from broadcast.domain.phone import grouped
from broadcast.domain.table import harmless, written
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


def stream(campaign: str, *, status: Status | None, reason: str | None, bom: bool, separator: str) -> Response:
    """The whole report, however long, in constant memory."""
    instance_of(campaign)
    pages = reporting.report(services().store, campaign, status=status, reason=reason)
    first = next(pages)  # asked for before the answer begins: a Redis that is away is a 503 still
    between = SEPARATORS[separator]
    phone = phones() if bom else _bare

    def lines() -> Iterator[str]:
        yield ("\ufeff" if bom else "") + written(TITLES, separator=between)
        for views in chain([first], pages):
            yield _lines(views, phone=phone, separator=between)

    # RFC 6266: the second name has any letters; the first is for whoever cannot read that.
    plain = campaign if _PLAIN.fullmatch(campaign) else "report"
    name = f"attachment; filename={plain}.csv; filename*=UTF-8''{quote(campaign, safe='')}.csv"
    return Response(lines(), content_type=f"{CSV}; charset=utf-8", headers={"Content-Disposition": name})


def phones() -> Callable[[ContactView], str]:
    """How spreadsheets take a contact's number: long ones without groups are rounded, and lose digits when saved."""
    country = services().settings.default_country
    return lambda view: view.phone if view.reason == "invalid_phone" else grouped(view.phone, country=country)


def _bare(view: ContactView) -> str:
    return view.phone


def _lines(views: Sequence[ContactView], *, phone: Callable[[ContactView], str], separator: str) -> str:
    return "".join(written(_cells(view, phone=phone(view)), separator=separator) for view in views)


def _cells(view: ContactView, *, phone: str) -> list[str]:
    shown: dict[str, Any] = {**answers.contact(view), "phone": phone}
    # Whatever strangers may have written: names, gateways' words, numbers that are none.
    return ["" if shown[title] is None else harmless(str(shown[title])) for title in TITLES]
