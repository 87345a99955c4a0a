"""The Lua scripts keep to the table of moves, and say what they take and reply."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from broadcast.domain.contact import COMES_AFTER, Status
from broadcast.store.scripts import sources

FOLDER = resources.files("broadcast.store") / "lua"
SCRIPTS = sorted(name for name in sources())


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_opens_with_a_sentence_its_arguments_and_its_reply(name: str) -> None:
    header = [line for line in (FOLDER / f"{name}.lua").read_text().splitlines() if line.startswith("--")]
    assert re.match(r"-- [A-Z].*\.", " ".join(header))
    assert any("ARGV[1]" in line for line in header)
    assert any(line.startswith("-- reply ") for line in header)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_makes_only_moves_of_the_table(name: str) -> None:
    text = (FOLDER / f"{name}.lua").read_text()
    literal = set(re.findall(r'move\([^"()]*"(\w+)", "(\w+)"', text))
    said = set(re.findall(r"(\w+) > (\w+)", " ".join(re.findall(r"-- (.*)", text))))
    assert literal <= said
    for before, after in said:
        assert Status(before) in COMES_AFTER[Status(after)], f"{name}: {before} > {after}"


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_scans_the_keyspace(name: str) -> None:
    assert not re.search(r'"(KEYS|SCAN)"', sources()[name])
