"""Logs carry ids as fields, and neither a full phone number nor a secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from broadcast import logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The root logger as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to 5511999990001 now", "to 5511***01 now"),
        ("to +5511999990001.", "to 5511***01."),
        ("number=5511999990001,", "number=5511***01,"),
        ('{"number": "5511999990001"}', '{"number": "5511***01"}'),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("apikey: s3cret next", "apikey: *** next"),
        ("redis://:s3cret@127.0.0.1:6379/0", "redis://:***@127.0.0.1:6379/0"),
        ("at 2026-11-23T18:00:00.000Z", "at 2026-11-23T18:00:00.000Z"),
        ("task 805ac0fe4a7a46c6a5f1cffbe69c3f14-8", "task 805ac0fe4a7a46c6a5f1cffbe69c3f14-8"),
        ("took 12345 ms", "took 12345 ms"),
    ],
)
def test_numbers_and_secrets_are_masked(text: str, shown: str) -> None:
    assert logs.masked(text) == shown


def test_a_line_carries_its_ids(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "text")
    ids = {"campaign": "1763922000000", "contact": 7, "instance": "5511999990001"}
    logging.getLogger("broadcast.x").info("sent to %s", "5511999990001", extra=ids)

    line = capsys.readouterr().err
    assert "INFO broadcast.x sent to 5511***01 campaign=1763922000000 contact=7 instance=5511***01" in line


def test_json_has_the_same_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json")
    try:
        raise ValueError("no such number 5511999990001")
    except ValueError:
        logging.getLogger("broadcast.x").exception("failed", extra={"campaign": "c1"})

    fields = json.loads(capsys.readouterr().err)
    assert (fields["level"], fields["message"], fields["campaign"]) == ("ERROR", "failed", "c1")
    assert "5511999990001" not in fields["exception"]


def test_a_line_break_in_a_value_makes_no_second_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "text")
    logging.getLogger("broadcast.x").info("a\nb", extra={"campaign": "c\nforged"})
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("format_", ["text", "json"])
@pytest.mark.parametrize("name", ["campaign", "instance", "caller"])
def test_no_field_shows_a_number_however_it_is_written(
    format_: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO", format_)
    logging.getLogger("broadcast.x").info("sent", extra={name: "55 11 98765-4399", "request": "ab" * 16, "ms": 1.5})

    line = capsys.readouterr().err
    assert ("4399" in line, "5511***99" in line, "ab" * 16 in line) == (False, True, True)
