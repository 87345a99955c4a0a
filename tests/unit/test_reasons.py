"""Every reason that the product can give has words on the dashboard, in both languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import broadcast
from broadcast.dashboard.reasons import REASONS
from broadcast.engine import remedies

PRODUCT = Path(broadcast.__file__).parent
DOCUMENT = PRODUCT.parent / "docs" / "reference" / "answers.md"
#: What is called with a reason first: the answers, and what makes readings of them.
SAYING = {"Refused", "Busy", "Closed", "Unknown", "refused", "busy", "closed", "unknown", "unreached"}
#: No reasons: an instance that can send, and fields whose names follow `"reason", ` in Lua.
OTHERS = {"open", "attempts", "detail"}


def said_in_python(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            given = [*node.args[:1]] if name in SAYING else []
            given += [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
            yield from (value.value for value in given if isinstance(value, ast.Constant) and value.value)


def said() -> set[str]:
    """Reasons that the source names, wherever it gives one, those that the documents do, and who held what."""
    rooms = [PRODUCT / room for room in ("domain", "engine", "gateways", "tasks")]
    files = [file for room in rooms for file in room.rglob("*.py") if "sandbox" not in file.parts]
    found = {reason for file in files for reason in said_in_python(file)}
    for script in (PRODUCT / "store" / "lua").rglob("*.lua"):
        found |= set(re.findall(r'"reason", "(\w+)"', script.read_text()))
    documented = set(re.findall(r"`((?:gateway|failed|unknown|too|not)_[a-z_]+)`", DOCUMENT.read_text()))
    return (found | documented | set(remedies._KNOWN)) - OTHERS


def test_reasons_are_found_where_they_are_given() -> None:
    assert {"billing", "template_paused", "worker_lost", "forgotten", "gateway_tls_failed", "error_share"} <= said()


def test_every_reason_has_words() -> None:
    assert said() - set(REASONS) == set()


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_the_words_are_there_in_portuguese(reason: str) -> None:
    catalogue = PRODUCT / "dashboard" / "translations" / "pt_BR" / "LC_MESSAGES" / "messages.po"
    with catalogue.open("rb") as file:
        words = read_po(file).get(REASONS[reason]._args[0])
    assert words
    assert words.string
    assert not words.fuzzy
