"""Where no callback may go: into this host, this network, or what only looks like the internet."""

from __future__ import annotations

import socket
import unicodedata
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

#: IPv4 networks that are not the internet (IANA's special-purpose registry, RFC 6890) and what each is.
_NOT_IPV4: Sequence[tuple[IPv4Network, str]] = [
    (IPv4Network(network), what)
    for network, what in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
]
#: The same of IPv6; what is not in 2000::/3 is not the internet anyway.
_NOT_IPV6: Sequence[tuple[IPv6Network, str]] = [
    (IPv6Network(network), what)
    for network, what in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "private"),
        ("fc00::/7", "private"),
        ("ff00::/8", "multicast"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
    )
]
_INTERNET = IPv6Network("2000::/3")
#: A network with only IPv6 reaches IPv4 through these, the IPv4 address being the last 32 bits (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")
#: Full stops that a name may be written with (RFC 3490, section 3.1).
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")


def why_refused(address: str) -> str | None:
    """What an IP address is instead of the internet, such as "loopback"; None where callbacks may go."""
    found = ip_address(address.partition("%")[0])
    return _why_not_ipv4(found) if isinstance(found, IPv4Address) else _why_not_ipv6(found)


def _why_not_ipv4(address: IPv4Address) -> str | None:
    return next((what for network, what in _NOT_IPV4 if address in network), None)


def _why_not_ipv6(address: IPv6Address) -> str | None:
    what = next((what for network, what in _NOT_IPV6 if address in network), None)
    if what is not None:
        return what
    if address in _NAT64:
        return _why_not_ipv4(IPv4Address(int(address) & 0xFFFFFFFF))
    return None if address in _INTERNET else "reserved"


def why_not_named(url: str) -> str | None:
    """Why an address cannot be a callback's by what it says itself; where its name leads is looked at on the way."""
    host = urlsplit(url).hostname or ""
    name = unicodedata.normalize("NFKC", host.translate(_DOTS)).removesuffix(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return "loopback"
    address = _literal(name)
    return None if address is None else why_refused(address)


def _literal(name: str) -> str | None:
    """The IP address that a host is written as, in whatever notation a resolver takes: 127.1, 0x7f.1, 2130706433."""
    try:
        return str(ip_address(name.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except (OSError, UnicodeError):
        return None
