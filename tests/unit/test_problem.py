"""Every error has one shape, whoever raised it, and none of them tells what is inside."""

from __future__ import annotations

import logging
from typing import NoReturn

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge, UnsupportedMediaType

from broadcast import errors as tree
from broadcast.api import errors
from broadcast.errors import FieldError


def app(error: Exception, *paths: str) -> FlaskClient:
    """Views that fail with this error."""

    def view() -> NoReturn:
        raise error

    flask = Flask(__name__)
    errors.install(flask)
    flask.before_request(lambda: g.setdefault("request_id", "r-1") and None)
    for path in paths or ("/x",):
        flask.add_url_rule(path, path, view, methods=["GET", "POST"])
    return flask.test_client()


def caller_errors() -> list[type[tree.CallerError]]:
    return [tree.CallerError, *tree.CallerError.__subclasses__()]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (tree.Invalid(FieldError("/a", "is wrong")), 422, "invalid_request"),
        (tree.Unauthorized("no key"), 401, "unauthorized"),
        (tree.Forbidden("not yours"), 403, "forbidden"),
        (tree.NotFound("no such"), 404, "not_found"),
        (tree.Conflict("taken"), 409, "conflict"),
        (tree.CallerError("no"), 400, "bad_request"),
        (tree.Unavailable("away"), 503, "unavailable"),
        (tree.BroadcastError("inside"), 500, "internal"),
        (ClientDisconnected(), 400, "cut_off"),
        (RequestEntityTooLarge(), 413, "too_large"),
        (UnsupportedMediaType(), 415, "not_json"),
        (ZeroDivisionError("inside"), 500, "internal"),
    ],
)
def test_every_error_has_one_shape(error: Exception, status: int, code: str) -> None:
    answer = app(error).get("/x")

    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert set(answer.json) == {"type", "title", "status", "detail", "code", "errors", "requestId"}
    assert (answer.json["status"], answer.json["code"], answer.json["type"]) == (status, code, f"/problems/{code}")
    assert answer.json["requestId"] == "r-1"
    assert answer.json["title"]
    assert answer.json["detail"]


@pytest.mark.parametrize("kind", caller_errors())
def test_every_error_of_a_caller_is_in_the_table(kind: type[tree.CallerError]) -> None:
    assert 400 <= errors.STATUSES[kind] < 500


@pytest.mark.parametrize("path", [*errors.CRM_PATHS, *(f"{path}/" for path in errors.CRM_PATHS)])
def test_the_crms_endpoints_say_success_false_whatever_happened(path: str) -> None:
    for error in (tree.Unauthorized("x"), tree.Unavailable("x"), RequestEntityTooLarge(), ZeroDivisionError()):
        assert app(error, path).post(path).json["success"] is False


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("the secret of the house"), tree.BroadcastError("the secret of the house")]
)
def test_what_went_wrong_inside_is_logged_and_not_told(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = app(error).get("/x")

    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "the secret of the house" in caplog.text
    assert [getattr(record, "request", None) for record in caplog.records] == ["r-1"]


def test_a_503_says_when_to_come_back_and_not_why() -> None:
    answer = app(tree.Unavailable("Redis at 10.0.0.7 is away", retry_after_s=7)).get("/x")
    assert answer.headers["Retry-After"] == "7"
    assert "10.0.0.7" not in answer.text


def test_a_405_says_what_is_allowed() -> None:
    answer = app(tree.NotFound("x")).put("/x")
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert {"GET", "POST"} <= {method.strip() for method in answer.headers["Allow"].split(",")}


@pytest.mark.parametrize(("wrong", "shown"), [(1, 1), (100, 100), (101, 101), (5000, 101)])
def test_wrong_fields_are_named_up_to_a_hundred(wrong: int, shown: int) -> None:
    fields = [FieldError(f"/contacts/{number}", "is wrong") for number in range(wrong)]
    named = app(tree.Invalid(*fields)).get("/x").json["errors"]

    assert len(named) == shown
    assert named[0] == {"pointer": "/contacts/0", "detail": "is wrong"}
    if wrong > 100:
        assert named[-1] == {"pointer": "", "detail": f"and {wrong - 100} more"}


def test_no_mode_of_flask_shows_a_debuggers_page() -> None:
    client = app(ZeroDivisionError("inside"))
    client.application.config.update(TESTING=True, DEBUG=True)
    assert client.get("/x").json["code"] == "internal"
