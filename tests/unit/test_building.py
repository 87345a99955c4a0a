"""The building guards itself: processes, queues, documents and messages stay in step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_file
from babel.messages.pofile import read_po

from broadcast.api.errors import CODES, STATUSES
from broadcast.supervisor import PROCFILE
from broadcast.tasks import QUEUES

ROOT = Path(__file__).parents[2]
#: What marks a text of the dashboard; as in the Makefile.
WORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None, "lazy_pgettext": ((1, "c"), 2)}


def test_the_procfile_is_the_one_that_is_built_in() -> None:
    assert (ROOT / "Procfile").read_text() == PROCFILE


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_has_a_worker(queue: str) -> None:
    assert any(queue in options.split(",") for options in re.findall(r"-Q (\S+)", PROCFILE))


#: a check that is switched off on a line, and the reason beside it
SWITCHED_OFF = re.compile(
    r"#\s*(?:type: ignore(?:\[[\w, -]+\])?(?P<why>\s+# \w)?"
    r"|(?:ruff: )?noqa(?:: [A-Z]+\d+(?:, [A-Z]+\d+)*)?(?P<because> - \S)?)"
)


def test_every_check_that_is_switched_off_says_why() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{number}"
        for room in ("broadcast", "tests")
        for path in sorted((ROOT / room).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for match in SWITCHED_OFF.finditer(line)
        if not (match["why"] or match["because"])
    ]
    assert silent == []


@pytest.mark.parametrize("code", sorted({*CODES.values(), *(kind.code for kind in STATUSES if hasattr(kind, "code"))}))
def test_every_error_code_is_documented(code: str) -> None:
    assert f"`{code}`" in (ROOT / "docs" / "reference" / "http.md").read_text()


def test_every_word_of_the_dashboard_is_in_portuguese_and_compiled() -> None:
    """Extract with `make words` after a change: it brings the catalogue up to date and compiles it."""
    folder = ROOT / "broadcast" / "dashboard"
    said = {
        (message[3] or "", first(message[1]))
        for pattern, method in (("*.py", "python"), ("templates/**/*.html", "jinja2"))
        for path in folder.glob(pattern)
        for message in extract_from_file(method, path, keywords=WORDS)
    }
    catalogue = folder / "translations" / "pt_BR" / "LC_MESSAGES" / "messages"
    with catalogue.with_suffix(".po").open("rb") as source, catalogue.with_suffix(".mo").open("rb") as compiled:
        written, shipped = read_po(source), GNUTranslations(compiled)
    kept = [message for message in written if message.id]
    assert said == {(message.context or "", first(message.id)) for message in kept}
    for message in kept:
        assert all([message.string] if isinstance(message.string, str) else message.string), message.id
        assert shipped_text(shipped, message) == first(message.string)


def shipped_text(shipped: GNUTranslations, message: Message) -> str:
    """What the compiled catalogue says for it, in the singular."""
    if message.context:
        return shipped.pgettext(message.context, message.id)
    return shipped.ngettext(*message.id, 1) if message.pluralizable else shipped.gettext(message.id)


def first(id_: str | Sequence[str]) -> str:
    """The singular."""
    return id_ if isinstance(id_, str) else id_[0]


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} points at {target}"
