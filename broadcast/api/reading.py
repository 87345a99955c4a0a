"""The API's description as a page for people, at /docs: Swagger UI, from its package and from no other host.

And what each kind of error means, at the address that its `type` is.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from flask import Blueprint, Response, abort
from flask.typing import ResponseReturnValue

from broadcast.api.errors import MEANINGS

blueprint = Blueprint("reading", __name__)

#: Swagger UI sets styles in its elements, and its icons are `data:` addresses in its style sheet.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
OURS, THEIRS = "broadcast.api.pages", "flask_swagger_ui.dist"
PAGE = (OURS, "docs.html", "text/html; charset=utf-8")
#: file -> the package that has it, and what it is. No other file is served.
FILES: Mapping[str, tuple[str, str]] = {
    "start.js": (OURS, "text/javascript; charset=utf-8"),
    "swagger-ui-bundle.js": (THEIRS, "text/javascript; charset=utf-8"),
    "swagger-ui.css": (THEIRS, "text/css; charset=utf-8"),
    "favicon-32x32.png": (THEIRS, "image/png"),
}
#: They change only when the product does.
KEPT = "public, max-age=3600"


@blueprint.get("/docs")
def page() -> ResponseReturnValue:
    """The page."""
    answer = _file(*PAGE)
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


@blueprint.get("/docs/<file>")
def asset(file: str) -> ResponseReturnValue:
    """What the page is made of."""
    if file not in FILES:
        abort(404)
    package, content_type = FILES[file]
    answer = _file(package, file, content_type)
    answer.headers["Cache-Control"] = KEPT
    return answer


@blueprint.get("/problems/<code>")
def problem(code: str) -> ResponseReturnValue:
    """What an error's `type` leads to."""
    if code not in MEANINGS:
        abort(404)
    return Response(f"{code}: {MEANINGS[code]}\n", mimetype="text/plain")


def _file(package: str, name: str, content_type: str) -> Response:
    folder, _, inner = package.rpartition(".")
    return Response((resources.files(folder) / inner / name).read_bytes(), content_type=content_type)
