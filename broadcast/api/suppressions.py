"""The suppression list over HTTP: told, exported, imported, and taken back. All instances share it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from flask import Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from broadcast.api import answers, auth, shapes
from broadcast.api.asking import services
from broadcast.api.body import read_bytes, read_json
from broadcast.api.describing import call
from broadcast.api.reports import SEPARATORS
from broadcast.domain.phone import grouped, mask, spelled
from broadcast.domain.spreadsheet import harmless, written
from broadcast.domain.table import Table, read_table
from broadcast.engine import optouts
from broadcast.engine.optouts import Wish
from broadcast.errors import FieldError, Forbidden, Invalid, NotFound

log = logging.getLogger(__name__)

blueprint = Blueprint("suppressions", __name__, url_prefix="/suppressions", description="Who wants no more messages")

CSV = "text/csv"
#: The first line of an export.
TITLES = ("phone", "source", "since")


@blueprint.get("")
@blueprint.doc(**call(shows={200: "Suppressions"}, query=shapes.SuppressionsQuery, or_shows=CSV))
def list_suppressions() -> ResponseReturnValue:
    """Who wants no more messages: a page, in no order; `limit` and `cursor` choose.

    As CSV, all of it; `bom` makes that fit for spreadsheets, and `separator` chooses what stands between.
    """
    wanted = shapes.load_query(shapes.SuppressionsQuery(), request.args)
    bom, separator = wanted.pop("bom") == "1", wanted.pop("separator")
    if request.accept_mimetypes.best_match(["application/json", CSV]) == CSV:
        return _export(bom=bom, separator=SEPARATORS[separator])
    found = optouts.page(services().store, **wanted)
    shown = [answers.suppressed(one, auth.caller()) for one in found.items]
    return jsonify(success=True, suppressions=shown, nextCursor=found.next_cursor)


@blueprint.post("")
@blueprint.doc(
    **call(
        shows={200: "Suppressing"},
        asks=shapes.Suppress,
        examples={"phones": {"phones": ["5511999990001"], "source": "loja"}},
        or_asks={CSV: "telefone;origem\r\n11 99999-0001;loja\r\n"},
        query=shapes.SuppressQuery,
    )
)
def add_suppressions() -> ResponseReturnValue:
    """Put people on the list, as JSON or as CSV. What cannot be a number is named, and the rest is kept."""
    source = shapes.load_query(shapes.SuppressQuery(), request.args)["source"]
    return jsonify(_add_csv(source or "import") if request.mimetype == CSV else _add_json(source or "api"))


@blueprint.delete("")
@blueprint.doc(
    **call(shows={200: "Unsuppressed"}, asks=shapes.Unsuppress, examples={"phone": {"phone": "5511999990001"}})
)
def remove_suppression() -> ResponseReturnValue:
    """Take somebody off the list, `{"phone": …}` or `?phone=`. For keys of all instances only, which share the list."""
    shape = shapes.Unsuppress()
    given = shapes.load_query(shape, request.args) if request.args else shapes.load(shape, read_json(request))
    wanted = given["phone"]
    # A plus that was not escaped in the query has become a blank.
    phone = f"+{wanted[1:]}" if request.args and wanted.startswith(" ") else wanted
    take_off(phone)
    return jsonify(success=True, removed=True)


def take_off(phone: str) -> None:
    """Take somebody off the list, if the caller may. Raises Forbidden, NotFound, Invalid."""
    may_take_off()
    removed = optouts.remove(services().store, phone, country=services().settings.default_country)
    if removed is None:
        raise NotFound("Nobody with this number is on the suppression list.")
    _tell("taken off the suppression list", [removed])


def may_take_off() -> None:
    """Raise Forbidden unless the caller may take somebody off the list."""
    if auth.caller().instances is not None:
        raise Forbidden("All instances share the suppression list: only a key for all of them may take somebody off.")


def _add_json(source: str) -> dict[str, Any]:
    return add_phones(read_json(request), source=source)


def add_phones(body: Mapping[str, Any], *, source: str) -> dict[str, Any]:
    """Put people on the list who are named one by one; `source` is where they come from if the body does not say."""
    sent = shapes.load(shapes.Suppress(), body)
    wishes = [Wish(phone=phone, source=sent["source"] or source) for phone in sent["phones"]]
    return _add(wishes, places=[{"pointer": f"/phones/{index}"} for index in range(len(wishes))])


def _add_csv(source: str) -> dict[str, Any]:
    table = _table(read_bytes(request))
    column = table.column("source", "origem")
    # Who wants no messages wants none on any of their telephones.
    named = [(row, phone) for row in table.rows for phone in table.all_numbers(row)]
    wishes = [Wish(phone=phone, source=row.cell(column)[: shapes.MOST_SOURCE] or source) for row, phone in named]
    return _add(wishes, places=[{"row": row.number} for row, _ in named])


def _table(raw: bytes) -> Table:
    try:
        return read_table(raw, most=shapes.MOST_CONTACTS, is_strict=True)
    except ValueError as error:
        raise Invalid(FieldError("", f"the file {error}")) from error


def _add(wishes: Sequence[Wish], *, places: Sequence[dict[str, Any]]) -> dict[str, Any]:
    since = answers.rfc3339(int(time.time()) * 1000) or ""
    added = optouts.add(services().store, wishes, country=services().settings.default_country, since=since)
    _tell("put on the suppression list", added.new)
    invalid = [
        {**places[place], "phone": wishes[place].phone[:64], "detail": "cannot be a phone number"}
        for place in added.invalid
    ]
    return {"success": True, "added": len(added.new), "known": added.known, "invalid": invalid}


def _export(*, bom: bool, separator: str) -> Response:
    """Everybody; with `bom`, in numbers that no spreadsheet rounds."""
    pages, country, reader = optouts.everybody(services().store), services().settings.default_country, auth.caller()
    first = next(pages)  # asked for before the answer begins: a Redis that is away is a 503 still

    spell = grouped if bom else spelled

    def lines() -> Iterator[str]:
        yield ("\ufeff" if bom else "") + written(TITLES, separator=separator)
        for people in chain([first], pages):
            shown = (
                _cells(answers.suppressed(one, reader), lambda digits: spell(digits, country=country)) for one in people
            )
            yield "".join(written(cells, separator=separator) for cells in shown)

    headers = {"Content-Disposition": "attachment; filename=suppressions.csv"}
    return Response(lines(), content_type=f"{CSV}; charset=utf-8", headers=headers)


def _cells(one: Mapping[str, Any], spell: Callable[[str], str]) -> list[str]:
    # The phone is digits, with a plus at the most where an import would read another person's number without it; or the
    # hash of somebody who was forgotten.
    phone = spell(one["phone"]) if one["phone"].isdigit() else one["phone"]
    return [phone, harmless(one["source"] or ""), one["since"] or ""]


def _tell(deed: str, phones: Sequence[str]) -> None:
    """One line in the log for each person."""
    who = {"action": "api", "caller": auth.caller().name, "request": g.get("request_id")}
    for digits in phones:
        log.info(deed, extra={**who, "phone": mask(digits)})
