"""The dashboard's dark colours, which need no script: they follow the Bootstrap that is packaged."""

from __future__ import annotations

import re
from pathlib import Path

import flask_bootstrap

from broadcast import dashboard

STATIC = Path(dashboard.__file__).parent / "static"
BOOTSTRAP = Path(flask_bootstrap.__file__).parent / "static" / "bootstrap5" / "css" / "bootstrap.min.css"


def declared(css: str) -> dict[str, str]:
    """What each variable is, without blanks."""
    return {name: re.sub(r"\s", "", value) for name, value in re.findall(r"(--[\w-]+):\s*([^;}]+)", css)}


def test_what_bootstrap_darkens_is_dark_without_a_script() -> None:
    theirs = re.search(r"\[data-bs-theme=dark\]\{(color-scheme:dark;[^}]*)\}", BOOTSTRAP.read_text())
    first = re.search(r":root \{([^}]*)\}", (STATIC / "dark.css").read_text())
    assert theirs
    assert first
    assert declared(first[1]) == declared(theirs[1])
    dark = re.search(r"\[data-bs-theme=dark\] \.form-select(\{[^}]*\})", BOOTSTRAP.read_text())
    assert dark
    assert declared(dark[1]).items() <= declared((STATIC / "dark.css").read_text()).items()


def test_every_colour_of_ours_has_two() -> None:
    root = re.search(r":root \{([^}]*)\}", (STATIC / "dashboard.css").read_text())
    assert root
    ours = {name for name in declared(root[1]) if not name.startswith("--bs-primary")}
    assert ours <= declared((STATIC / "dark.css").read_text()).keys()
