"""Pages of others in a browser: which may call us, and what is refused where the browser's place would do for a key.

A page from anywhere can have the browser on this host send us requests, and a name of its own that it lets point to
this host (DNS rebinding) makes it one of ours for the browser. What is no browser sends neither of the headers that
tell, and names us as its user did.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request

from broadcast.errors import Forbidden

#: What changes nothing.
READING = frozenset({"GET", "HEAD", "OPTIONS"})
#: Where a browser says that a request comes from, if from us, or from nobody's page: an address that was typed.
OURS = frozenset({"same-origin", "none"})


#: What a page that may call us may send, …
METHODS = "GET, POST, PUT, DELETE"
HEADERS = "Authorization, apikey, Content-Type, Accept, X-Request-Id, X-Chunk, Last-Event-ID, x-client-info"
#: … what it is shown of the answer, beside the body, and how long a browser may remember all that, in s.
SHOWN = "X-Request-Id, Retry-After, Allow, Content-Disposition"
REMEMBERED_S = 7200


def let_in(app: Flask, origins: Collection[str]) -> None:
    """Let pages of these origins call the API, but not the dashboard; by headers alone, so never with a cookie."""
    if not origins:
        return

    @app.before_request
    def answer_first() -> Response | None:
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers or not _is_let_in():
            return None
        headers = {
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": HEADERS,
            "Access-Control-Max-Age": str(REMEMBERED_S),
        }
        return Response(status=204, headers=headers)

    @app.after_request
    def say_so(answer: Response) -> Response:
        answer.vary.add("Origin")
        if _is_let_in():
            answer.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            answer.headers["Access-Control-Expose-Headers"] = SHOWN
        return answer

    def _is_let_in() -> bool:
        return is_one_of(request, origins) and not f"{request.path}/".startswith("/dashboard/")


def is_one_of(asked: Request, origins: Collection[str]) -> bool:
    """Whether a page of one of the origins asks."""
    return asked.headers.get("Origin", "").lower() in origins


def refuse_strangers(asked: Request, *, hosts: Collection[str], origins: Collection[str] = ()) -> None:
    """Raise Forbidden for a request that some page of others may have had a browser send.

    `hosts` are the names by which we may be asked, beside localhost and addresses, `origins` those of pages that may
    ask. A link to us may be followed.
    """
    if not is_name_of_ours(asked.headers.get("Host", ""), hosts):
        raise Forbidden(
            f"While there is no key, the name {_name(asked.headers['Host'])[:100]} is not answered: any page could "
            "have one that leads here. Ask as localhost or by an IP address, name it in ALLOWED_HOSTS, or make a key "
            "with `broadcast keys create`."
        )
    if is_of_strangers(asked) and not is_one_of(asked, origins):
        raise Forbidden(
            "While there is no key, what a page of another address asks for in a browser is refused. Have a server "
            "ask, or make a key with `broadcast keys create`."
        )


def is_of_strangers(asked: Request) -> bool:
    """Whether a page of others has a browser ask. `Origin` is looked at where the browser is too old to say it plainly.

    A link to us is followed, and not asked for by the page it is on.
    """
    if asked.method in READING and asked.headers.get("Sec-Fetch-Mode", "navigate") == "navigate":
        return False
    site = asked.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in OURS
    origin = asked.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc.lower() != asked.headers.get("Host", "").lower()


def is_name_of_ours(host: str, hosts: Collection[str]) -> bool:
    """Whether a Host header names us as no stranger's page can: localhost, an address, one of `hosts`, or nothing."""
    name = _name(host)
    if not host or name == "localhost" or name.endswith(".localhost") or name in hosts:
        return True
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _name(host: str) -> str:
    """A Host header's name, without its port."""
    name = host.rpartition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    return name.lower().removesuffix(".")
