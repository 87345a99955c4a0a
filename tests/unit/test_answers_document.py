"""The table of answers in the documents is the table that is tested, row by row, and says what the engine does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from broadcast.domain.contact import Status
from broadcast.engine.outcomes import outcome_of
from broadcast.gateways.base import Accepted, Answer, Busy, Unknown
from broadcast.store.tickets import Outcome
from broadcast.tasks.sending import send
from tests.integration.test_network_faults import AFTER, ANSWERED, BEFORE, Fault

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "answers.md"

SECTIONS = {
    "Before the first byte": BEFORE,
    "After it, without a whole answer": AFTER,
    "With a whole answer": ANSWERED,
}

#: the contact's status at once, when the quick tries are used up, and at the last attempt -> in words
CONTACT = {
    (Status.SENT, Status.SENT, Status.SENT): "sent",
    (Status.FAILED, Status.FAILED, Status.FAILED): "failed",
    (Status.UNCONFIRMED, Status.UNCONFIRMED, Status.UNCONFIRMED): "unconfirmed",
    (Status.BOOKED, Status.PENDING, Status.PENDING): "again at once, twice; then pending",
    (Status.BOOKED, Status.PENDING, Status.FAILED): "again at once, twice; then pending; failed at the last attempt",
    (Status.PENDING, Status.PENDING, Status.FAILED): "pending until then; failed at the last attempt",
    (Status.PENDING, Status.PENDING, Status.PENDING): "pending",
}


def outcome(answer: Answer, *, attempt: int, quick_left: int) -> Outcome:
    return outcome_of(answer, attempt=attempt, max_attempts=5, quick_left=quick_left)


def contact(answer: Answer) -> str:
    at_once, later, at_last = (
        outcome(answer, attempt=1, quick_left=send.max_retries),
        outcome(answer, attempt=1, quick_left=0),
        outcome(answer, attempt=5, quick_left=0),
    )
    words = CONTACT[at_once.status, later.status, at_last.status]
    return words if later.counts else f"{words}, no attempt counted"


def lane(answer: Answer) -> str:
    later = outcome(answer, attempt=1, quick_left=0)
    if later.holds:
        return "pauses"
    rests = f"rests {later.rest_ms / 1000:g} s" if later.rest_ms else ""
    return ", ".join(filter(None, (rests, "slows down" if later.slows else ""))) or "goes on"


def named(answer: Answer) -> str:
    if isinstance(answer, Accepted):
        return "`Accepted`"
    words = [f"`{type(answer).__name__}` `{answer.reason}`"]
    if isinstance(answer, Busy):
        words += [] if answer.reached else ["not reached"]
    if isinstance(answer, Busy | Unknown):
        words += [] if answer.after_s is None else [f"after {answer.after_s:g} s"]
    return ", ".join(words)


def row(fault: Fault) -> str:
    return f"| {fault.name} | {named(fault.answer)} | {fault.why} | {contact(fault.answer)} | {lane(fault.answer)} |"


def rows(section: str) -> list[str]:
    """The section's table, without its head."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    return [line for line in text.splitlines() if line.startswith("|")][2:]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_document_has_the_rows_that_are_tested_and_no_others(section: str) -> None:
    assert rows(section) == [row(fault) for fault in SECTIONS[section]]


def test_no_table_stands_outside_the_sections() -> None:
    tables = [line for line in DOCUMENT.read_text().splitlines() if re.match(r"\| *-", line)]
    assert len(tables) == len(SECTIONS)


def test_the_quick_tries_are_as_many_as_the_document_says() -> None:
    assert send.max_retries == 2
