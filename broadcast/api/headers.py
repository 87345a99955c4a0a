"""The headers that keep a browser from doing with our answers what nobody meant."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask, Response, request

#: For what is no page: nothing in it is ever loaded, run or framed. A page says for itself what it needs.
STRICT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

#: On every answer that does not say otherwise.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": STRICT,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
#: A year, and only over https: a browser ignores it elsewhere, and who has no certificate must not be shut out.
HSTS = "max-age=31536000"


def install(app: Flask) -> None:
    """Every answer of the app has them."""

    @app.after_request
    def add(answer: Response) -> Response:
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        if request.is_secure:
            answer.headers.setdefault("Strict-Transport-Security", HSTS)
        return answer
