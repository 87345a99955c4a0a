"""From the error tree to HTTP: one table, one shape (RFC 9457, application/problem+json)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, json, request
from werkzeug.exceptions import ClientDisconnected, HTTPException, UnsupportedMediaType

from broadcast import errors
from broadcast.errors import FieldError

log = logging.getLogger(__name__)

#: The CRM's own endpoints, which expect `success` in every answer.
CRM_PATHS = ("/functions/v1/broadcast_messaging_service", "/queue/add-broadcast")

#: error -> HTTP status
STATUSES: Mapping[type[errors.BroadcastError], int] = {
    errors.Invalid: 422,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooMany: 429,
    errors.CallerError: 400,
    errors.Unavailable: 503,
}
#: HTTP status of an error that Flask found -> its code
CODES = {
    400: "bad_request", 404: "not_found", 405: "method_not_allowed", 406: "not_acceptable",
    413: "too_large", 415: "not_json", 422: "invalid_request",
}  # fmt: skip
#: code -> what it means, wherever it comes from
MEANINGS: Mapping[str, str] = {
    "bad_request": "The request is not HTTP, or its body not JSON, has a name twice, or is nested too deeply.",
    "cut_off": "The body ended before its end, or came too slowly. Send it again, whole.",
    "unauthorized": "There is no key, or one that is not known.",
    "forbidden": "The key may not do this, or not with this instance; or a page of another address asks without a key.",
    "not_found": "There is no such campaign or address, or none that the key may see.",
    "method_not_allowed": "This address knows other methods: see Allow.",
    "not_acceptable": "This cannot be had in the form that Accept asks for.",
    "conflict": "The id is taken by another body, or what was asked for cannot be done from here.",
    "too_large": "The body is larger than 32 MiB.",
    "uri_too_long": "The address is longer than 4,094 bytes.",
    "not_json": "Send JSON, with the header Content-Type: application/json.",
    "other_type": "Send the body in one of the forms and charsets that are read here, with its Content-Type.",
    "encoded": "The body has a Content-Encoding. Send it as it is.",
    "invalid_request": "Some fields are wrong: `errors` names each.",
    "too_many_requests": "This caller asks too often, or sent too many wrong keys: come back after Retry-After s.",
    "headers_too_large": "The headers are more, or longer, than is read.",
    "unavailable": "This cannot be done just now. Come back after Retry-After seconds.",
    "internal": "Something went wrong here. The log has it under the requestId.",
    "error": "Something else that HTTP has a status for.",
}
#: So many wrong fields are named; of more, their number is.
MOST_ERRORS = 100


class OtherType(UnsupportedMediaType):
    """The body is in a form, or in a charset, that is not read here, where others than JSON are."""


def body_of(
    status: int, *, code: str, detail: str, request_id: str | None, shown: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """What an error answer says, inside an app and where none is asked. `shown` are its wrong fields."""
    return {
        "type": f"/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": list(shown),
        "requestId": request_id,
    }


def problem(
    status: int, *, code: str, detail: str, fields: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """An error answer. `code` is stable and for programs, `detail` for people."""
    shown = [{"pointer": field.pointer, "detail": field.detail} for field in fields[:MOST_ERRORS]]
    if len(fields) > MOST_ERRORS:
        shown.append({"pointer": "", "detail": f"and {len(fields) - MOST_ERRORS} more"})
    body = body_of(status, code=code, detail=detail, request_id=g.get("request_id"), shown=shown)
    if request.path.rstrip("/") in CRM_PATHS:
        body["success"] = False
    answer = Response(json.dumps(body), status, headers=headers, content_type="application/problem+json")
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def from_tree(error: errors.BroadcastError) -> Response:
    """An error of ours as an answer; one that is no caller's business is told as any other fault inside."""
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), None)
    if status is None:
        return _from_nowhere(error)
    if isinstance(error, errors.Unavailable):
        log.warning("unavailable: %s", error, extra={"action": "answer", "request": g.get("request_id")})
        headers = {"Retry-After": str(error.retry_after_s)}
        detail = "The service cannot do this just now. Send the same request again: what was done is not done twice."
        return problem(status, code="unavailable", detail=detail, headers=headers)
    if isinstance(error, errors.Invalid):
        detail = f"{len(error.errors)} field{'s are' if len(error.errors) > 1 else ' is'} wrong."
        return problem(status, code=error.code, detail=detail, fields=error.errors)
    wait = {"Retry-After": str(error.retry_after_s)} if isinstance(error, errors.TooMany) else None
    return problem(status, code=getattr(error, "code", "internal"), detail=str(error), headers=wait)


def _from_http(error: HTTPException) -> Response:
    status = error.code or 500
    headers = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    if isinstance(error, ClientDisconnected):
        detail = "The body broke off before its end. Send the same request again, whole: nothing is done twice."
        return problem(status, code="cut_off", detail=detail)
    detail = str(error.description or HTTPStatus(status).phrase)
    if isinstance(error, OtherType):
        return problem(status, code="other_type", detail=detail)
    return problem(status, code=CODES.get(status, "error"), detail=detail, headers=headers)


def _from_nowhere(_: Exception) -> Response:
    log.exception("a request failed", extra={"action": "answer", "request": g.get("request_id")})
    return problem(500, code="internal", detail="Something went wrong here. The log has it under this request id.")


def install(app: Flask) -> None:
    """Every error of the app, expected or not, is answered in this shape."""
    app.register_error_handler(errors.BroadcastError, from_tree)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(Exception, _from_nowhere)
