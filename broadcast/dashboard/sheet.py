"""A campaign's report in the words of whoever downloads it, with the times and numbers of the pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from flask_babel import get_locale, get_timezone, lazy_pgettext

from broadcast.api import reports
from broadcast.dashboard import wording
from broadcast.dashboard.reasons import REASONS
from broadcast.domain.contact import Status
from broadcast.engine.telling import ContactView

#: The report's titles, by what the API calls them. None may be what a list of numbers calls its column, but one.
TITLES: Mapping[str, Any] = {
    "number": lazy_pgettext("report", "No."),
    "phone": lazy_pgettext("report", "Phone"),
    "name": lazy_pgettext("report", "Name"),
    "status": lazy_pgettext("report", "Status"),
    "reason": lazy_pgettext("report", "Reason"),
    "detail": lazy_pgettext("report", "Detail"),
    "attempts": lazy_pgettext("report", "Attempts"),
    "messageId": lazy_pgettext("report", "Message's id"),
    "departedAt": lazy_pgettext("report", "Left at"),
    "sentAt": lazy_pgettext("report", "Sent at"),
    "deliveredAt": lazy_pgettext("report", "Delivered at"),
    "readAt": lazy_pgettext("report", "Read at"),
    "failedAt": lazy_pgettext("report", "Failed at"),
    "skippedAt": lazy_pgettext("report", "Left out at"),
    "cancelledAt": lazy_pgettext("report", "Cancelled at"),
    "unconfirmedAt": lazy_pgettext("report", "Unconfirmed at"),
}
#: The statuses whose times it has, in the order of its titles.
TIMED = [Status(title.removesuffix("At")) for title in reports.TITLES[9:]]
#: Every spreadsheet takes it for a time, whatever its language.
SHAPE = "%Y-%m-%d %H:%M:%S"


def translated() -> reports.Sheet:
    """The report in the language and the zone of the page."""
    locale = get_locale()
    is_portuguese = locale is not None and locale.language == "pt"  # its decimals have a comma
    titles = [str(TITLES[title]) for title in reports.TITLES]
    return reports.Sheet(separator=";" if is_portuguese else ",", bom=True, titles=titles, cells=_cells())


def _cells() -> Callable[[ContactView], Sequence[object]]:
    """All words are looked up here, while there is a request that has a language."""
    phone, zone = reports.phones(), get_timezone()
    statuses, reasons, details = map(_said, (wording.STATUSES, REASONS, wording.DETAILS))

    def cells(view: ContactView) -> Sequence[object]:
        return [
            view.number + 1,
            phone(view),
            view.name,
            statuses[view.status.value],
            reasons.get(view.reason or "", view.reason),
            details.get(view.detail or "", view.detail),
            view.attempts + view.earlier,
            view.message_id,
            *(_local(moment, zone) for moment in (view.departed_ms, *map(view.times.get, TIMED))),
        ]

    return cells


def _said(words: Mapping[str, Any]) -> dict[str, str]:
    return {code: str(text) for code, text in words.items()}


def _local(unix_ms: int | None, zone: tzinfo | None) -> str:
    return datetime.fromtimestamp(unix_ms // 1000, zone).strftime(SHAPE) if unix_ms is not None else ""
