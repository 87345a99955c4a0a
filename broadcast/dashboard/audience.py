"""An open campaign's contacts, handed in file by file: each file once, until the campaign is started."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from werkzeug.datastructures import FileStorage

from broadcast.api import asking, audiences, auth, shapes
from broadcast.dashboard import rights
from broadcast.dashboard.blueprint import blueprint
from broadcast.dashboard.composing import KEEP_DRAFT_S
from broadcast.dashboard.problems import in_words
from broadcast.domain.intake import NO_ROWS
from broadcast.domain.lines import MOST_BYTES
from broadcast.errors import Conflict, Invalid

#: end of a file's name -> how it is read
KINDS: Mapping[str, str] = {
    ".csv": "text/csv",
    ".txt": "text/csv",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
    ".json": "application/json",
}
#: A chunk's number is drawn, so that two people who add files at the same time do not meet.
MOST_CHUNK = 2**31


@blueprint.get("/campaigns/<campaign>/audience")
def audience(campaign: str) -> ResponseReturnValue:
    """What was added so far, what became of the last file, and a form for the next one."""
    status = asking.status(campaign)
    if status["holdReason"] != "open":
        return redirect(rights.page_of(campaign) if rights.may_see("one") else rights.home(), 303)
    text = asking.services().store.desk.draft(request.args.get("file", ""))
    kept = json.loads(text) if text else {}
    last = kept if kept.get("adder") == auth.caller().name and kept.get("campaign") == campaign else {}
    return _show(status, chunk=_fresh(), added=last.get("added"), name=last.get("name", ""))


@blueprint.post("/campaigns/<campaign>/audience")
def add_file(campaign: str) -> ResponseReturnValue:
    """Add the file's contacts, and lead to what became of them. The same form sent twice adds them once."""
    file = request.files.get("file")
    chunk = shapes.load(shapes.ChunkQuery(), {"chunk": request.form.get("chunk")})["chunk"]
    kind = KINDS.get(PurePath(file.filename or "").suffix.lower()) if file else None
    if file is None or kind is None:
        problem = gettext("Choose a file that ends in .csv, .txt, .json, .jsonl or .ndjson.")
        return _show(asking.status(campaign), chunk=chunk, problem=problem), 422
    try:
        added = audiences.add_from(campaign, io.BufferedReader(_Upload(file), MOST_BYTES), kind=kind, chunk=chunk)
    except Invalid as error:  # what came before it is kept: corrected, it is the same chunk
        return _show(asking.status(campaign), chunk=chunk, problem=_problem(error.errors[0].detail)), 422
    except Conflict:
        return _refused(campaign)
    token = secrets.token_urlsafe(16)
    last = {"adder": auth.caller().name, "campaign": campaign, "added": added, "name": file.filename or ""}
    asking.services().store.desk.keep_draft(token, json.dumps(last), keep_s=KEEP_DRAFT_S)
    return redirect(url_for("dashboard.audience", campaign=campaign, file=token), 303)


def _problem(detail: str) -> str:
    return str(gettext("The file has no rows below its header.")) if NO_ROWS in detail else in_words(detail)


class _Upload(io.RawIOBase):
    """An uploaded file, which Werkzeug keeps on the disk; Python 3.10 calls it no stream of its own."""

    def __init__(self, file: FileStorage) -> None:
        self._file = file

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes."""
        read = self._file.read(len(buffer))
        buffer[: len(read)] = read
        return len(read)


def _refused(campaign: str) -> ResponseReturnValue:
    """The campaign was started meanwhile, or the form was used for another file."""
    status = asking.status(campaign)
    if status["holdReason"] != "open":
        problem = gettext("The campaign takes no contacts any more: it was started, or cancelled.")
    else:
        problem = gettext("This form was used for another file already. Nothing was added now: choose the file again.")
    return _show(status, chunk=_fresh(), problem=problem), 409


def _fresh() -> int:
    return secrets.randbelow(MOST_CHUNK)


def _show(
    status: Mapping[str, Any],
    *,
    chunk: int,
    added: Mapping[str, Any] | None = None,
    name: str = "",
    problem: str | None = None,
) -> str:
    return render_template(
        "dashboard/audience.html",
        one=status,
        chunk=chunk,
        added=added,
        name=name,
        problem=problem,
        ends=",".join(KINDS),
    )
