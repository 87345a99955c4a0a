"""The building guards itself: processes, queues, documents and messages stay in step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from broadcast.api.errors import CODES, STATUSES
from broadcast.supervisor import PROCFILE
from broadcast.tasks import QUEUES

ROOT = Path(__file__).parents[2]


def test_the_procfile_is_the_one_that_is_built_in() -> None:
    assert (ROOT / "Procfile").read_text() == PROCFILE


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_has_a_worker(queue: str) -> None:
    assert any(queue in options.split(",") for options in re.findall(r"-Q (\S+)", PROCFILE))


@pytest.mark.parametrize("code", sorted({*CODES.values(), *(kind.code for kind in STATUSES if hasattr(kind, "code"))}))
def test_every_error_code_is_documented(code: str) -> None:
    assert f"`{code}`" in (ROOT / "docs" / "reference" / "http.md").read_text()


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} points at {target}"
