"""The request's body: whole, and where it is JSON, nothing ambiguous in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from flask import Request, Response
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from broadcast.api.errors import problem
from broadcast.errors import FieldError, Invalid


def refuse_encoded(request: Request) -> Response | None:
    """An answer for a body that is compressed, which nobody here unpacks; None for any other."""
    given = request.headers.get("Content-Encoding", "").lower()
    codings = sorted({coding.strip() for coding in given.split(",")} - {"", "identity"})
    if not codings or not (request.content_length or request.headers.get("Transfer-Encoding")):
        return None
    detail = f"The body is encoded ({', '.join(codings)[:100]}). Send it as it is, without Content-Encoding."
    return problem(415, code="encoded", detail=detail, headers={"Accept-Encoding": "identity"})


def read_json(request: Request) -> dict[str, Any]:
    """The body as an object. Raises 415, 413, 400 (malformed, a name twice, too deep) or Invalid (not an object)."""
    if not request.is_json:
        raise UnsupportedMediaType("Send JSON, with the header Content-Type: application/json.")
    try:
        body = json.loads(
            read_bytes(request).decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        raise BadRequest("The body is not UTF-8.") from error
    except RecursionError as error:
        raise BadRequest("The body is nested too deeply.") from error
    except ValueError as error:
        raise BadRequest(f"The body is not JSON: {error}.") from error
    if not isinstance(body, dict):
        raise Invalid(FieldError("", "must be an object"))
    return body


def read_bytes(request: Request) -> bytes:
    """The body as it was sent. Raises 413."""
    data = request.get_data()
    # A chunked body ends at the limit without a word; only the next read says that it was too large.
    request.stream.read(1)
    return data


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the name {twice[:64]!r} is there twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
