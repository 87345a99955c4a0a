"""Where callbacks may go: to the internet, in whatever notation somebody tries to say otherwise."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.callbacks.addresses import why_not_named, why_refused

#: address -> what it is instead of the internet; None where callbacks may go
ADDRESSES = {
    "127.0.0.1": "loopback", "127.255.255.254": "loopback", "0.0.0.0": "unspecified", "0.1.2.3": "unspecified",
    "10.0.0.1": "private", "172.16.0.1": "private", "172.31.255.255": "private", "192.168.1.1": "private",
    "169.254.169.254": "link-local", "100.64.0.1": "carrier-grade NAT", "100.127.255.255": "carrier-grade NAT",
    "224.0.0.1": "multicast", "239.255.255.255": "multicast", "240.0.0.1": "reserved", "255.255.255.255": "reserved",
    "192.0.0.1": "reserved", "192.0.2.1": "documentation", "198.18.0.1": "benchmarking",
    "::1": "loopback", "::": "unspecified", "fe80::1": "link-local", "fe80::1%eth0": "link-local", "fd00::1": "private",
    "fec0::1": "private", "ff02::1": "multicast", "::ffff:127.0.0.1": "IPv4-mapped", "::ffff:8.8.8.8": "IPv4-mapped",
    "::7f00:1": "reserved", "64:ff9b::7f00:1": "loopback", "64:ff9b::a00:1": "private", "64:ff9b:1::1": "reserved",
    "2002:7f00:1::": "6to4", "2001:0:7f00:1::": "reserved", "2001:db8::1": "documentation", "100::1": "reserved",
    "8.8.8.8": None, "172.15.255.255": None, "172.32.0.1": None, "100.63.255.255": None, "100.128.0.1": None,
    "2606:4700::1111": None, "64:ff9b::808:808": None,
}  # fmt: skip

#: The loopback, and the address of clouds' metadata, in notations that some resolver or other takes.
DISGUISES = [
    "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0177.1",
    "017700000001", "0x7F.0.0.0x1", "0", "0.0.0.0", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::127.0.0.1]", "[fe80::1%25eth0]", "[::]", "localhost", "LOCALHOST", "localhost.",
    "anything.localhost", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "\u246027.0.0.1",
    "169.254.169.254", "0xa9fea9fe", "2852039166",
    "[64:ff9b::169.254.169.254]", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "10.1", "192.168.257",
]  # fmt: skip


@pytest.mark.parametrize(("address", "what"), ADDRESSES.items())
def test_an_address_is_what_the_registries_say(address: str, what: str | None) -> None:
    assert why_refused(address) == what


@given(st.ip_addresses())
def test_nothing_is_called_that_the_standard_library_does_not_think_is_global(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if why_refused(str(address)) is None and not str(address).startswith("64:ff9b:"):
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize("host", DISGUISES)
def test_a_private_address_is_known_in_every_notation(host: str) -> None:
    assert why_not_named(f"http://{host}:8080/x") is not None


@pytest.mark.parametrize(
    "host", ["crm.example", "localhost.example", "8.8.8.8", "[2606:4700::1111]", "abc", "0xg.example"]
)
def test_a_name_is_not_judged_before_it_is_looked_up(host: str) -> None:
    assert why_not_named(f"https://{host}/x") is None
