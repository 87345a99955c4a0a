"""Contacts for an open campaign: a chunk a request, read as it comes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, cast

from flask import Request

from broadcast.api import shapes
from broadcast.api.asking import instance_of, services, tell
from broadcast.api.describing import OF_BODIES, call, problems
from broadcast.api.errors import OtherType
from broadcast.api.shown import TEXT
from broadcast.domain.intake import READERS, Found, Intake
from broadcast.domain.lines import CHARSETS, MOST_BYTES, Unreadable
from broadcast.engine import adding
from broadcast.errors import FieldError, Invalid

#: How it is described. The items of a list are looked at one by one: what is wrong with one is told by its row.
_BODY = {"oneOf": [{"type": "array"}, {"type": "object", "properties": {"contacts": {"type": "array"}},
         "required": ["contacts"], "additionalProperties": False}]}  # fmt: skip
_EXAMPLES = {  # NDJSON is told of in words: what reads OpenAPI does not know it
    "application/json": ["5511999990001", {"phone": "5511999990002", "name": "Ana"}],
    "text/csv": "telefone;nome\r\n11 99999-0001;Ana\r\n",
}
_DESCRIBED = call(shows={200: "Added"}, query=shapes.ChunkQuery, conflicts=True)
DESCRIBED: Mapping[str, Any] = {
    **_DESCRIBED,
    "responses": {**_DESCRIBED["responses"], **problems(*OF_BODIES)},
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": _BODY if kind.endswith("/json") else TEXT, "examples": {kind: {"value": example}}}
            for kind, example in _EXAMPLES.items()
        },
    },
}
#: So many rows that cannot be read are named.
MOST_NAMED = 100


def add(campaign: str, request: Request) -> dict[str, Any]:
    """Add the contacts in the body. Those that can be read are kept, the others named by their row."""
    chunk = _chunk_of(request)
    charset = _charset_of(request)
    stream: io.BufferedReader = io.BufferedReader(cast(io.RawIOBase, request.stream), MOST_BYTES)
    return add_from(campaign, stream, kind=request.mimetype, chunk=chunk, charset=charset)


def _charset_of(request: Request) -> str:
    """What the body is said to be written in. Raises OtherType for what is not read here."""
    if request.mimetype not in READERS:
        raise OtherType(f"Send one of {', '.join(READERS)}, with its Content-Type.")
    charset: str = request.mimetype_params.get("charset", "").lower()
    known = {name: read for name, read in CHARSETS.items() if read == "utf-8" or request.mimetype != "application/json"}
    if charset not in known:
        raise OtherType(f"The charset {charset[:40]!r} is not read here. Send one of {', '.join(filter(None, known))}.")
    return charset


def _chunk_of(request: Request) -> int:
    given: list[str | None] = [*request.args.getlist("chunk"), *request.headers.getlist("X-Chunk")]
    queries = [{**request.args, "chunk": one} for one in given or [None]]
    numbers: list[int] = sorted({shapes.load(shapes.ChunkQuery(), query)["chunk"] for query in queries})
    if len(numbers) > 1:
        named = " and ".join(map(str, numbers))
        raise Invalid(FieldError("/chunk", f"must be one number, and query and X-Chunk say {named}"))
    return numbers[0]


def add_from(campaign: str, stream: io.BufferedReader, *, kind: str, chunk: int, charset: str = "") -> dict[str, Any]:
    """The same from any stream; `kind` is one of `READERS`. Raises NotFound, Conflict and Invalid."""
    instance, part = instance_of(campaign), _Chunk(stream, kind, charset)
    country = services().settings.default_country
    try:
        added = adding.add(services().store, campaign, part.rows(), chunk=chunk, country=country)
    except Unreadable as error:
        raise Invalid(FieldError("", f"the body {error}; send it again, corrected, as the same chunk")) from error
    tell(f"chunk {chunk} of {added.queued} contacts", campaign, instance)
    left_out = [{"row": row, "reason": reason, "detail": detail or None} for row, reason, detail in added.left_out]
    return {
        "success": True,
        "campaignId": campaign,
        "chunk": chunk,
        "queued": added.queued,
        "skipped": added.skipped,
        "skippedReasons": dict(added.reasons),
        "leftOut": left_out,
        "unreadable": part.unreadable,
        "errors": part.errors,
        "csv": part.intake.details or None,
    }


class _Chunk:
    """A stream's contacts, and what could not be read of them."""

    def __init__(self, stream: io.BufferedReader, kind: str, charset: str) -> None:
        self.intake = Intake(charset=charset)
        self.unreadable = 0
        self.errors: list[dict[str, Any]] = []
        self._found = READERS[kind](self.intake, stream)

    def rows(self) -> Iterator[adding.Row]:
        """Those that can be read."""
        for found in self._found:
            problem = found.problem
            if problem is None:
                try:
                    yield adding.Row(found.row, shapes.recipient(found.contact))
                    continue
                except ValueError as error:
                    problem = str(error)
            self._note(found, problem)

    def _note(self, found: Found, problem: str) -> None:
        self.unreadable += 1
        if len(self.errors) < MOST_NAMED:
            self.errors.append({"row": found.row, "detail": problem})
