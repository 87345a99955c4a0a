"""What a browser brings along from strangers' pages, where nobody is asked for a key and the browser's place would do.

A page from anywhere can have the browser on this host send us requests, and a name of its own that it lets point to
this host (DNS rebinding) makes it one of ours for the browser. What is no browser sends neither of the headers that
tell, and names us as its user did.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from flask import Request

from broadcast.errors import Forbidden

#: What changes nothing.
READING = frozenset({"GET", "HEAD", "OPTIONS"})
#: Where a browser says that a request comes from, if from us, or from nobody's page: an address that was typed.
OURS = frozenset({"same-origin", "none"})


def refuse_strangers(request: Request, *, hosts: Collection[str]) -> None:
    """Raise Forbidden for a request that some page of others may have had a browser send.

    `hosts` are the names by which we may be asked, beside localhost and addresses. A link to us may be followed.
    """
    if not is_name_of_ours(request.headers.get("Host", ""), hosts):
        raise Forbidden(
            f"While there is no key, the name {_name(request.headers['Host'])[:100]} is not answered: any page could "
            "have one that leads here. Ask as localhost or by an IP address, name it in ALLOWED_HOSTS, or make a key "
            "with `broadcast keys create`."
        )
    if is_of_strangers(request):
        raise Forbidden(
            "While there is no key, what a page of another address asks for in a browser is refused. Have a server "
            "ask, or make a key with `broadcast keys create`."
        )


def is_of_strangers(request: Request) -> bool:
    """Whether a page of others has a browser ask. `Origin` is looked at where the browser is too old to say it plainly.

    A link to us is followed, and not asked for by the page it is on.
    """
    if request.method in READING and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate":
        return False
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in OURS
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("Host", "").lower()


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
