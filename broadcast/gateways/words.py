"""How any gateway's answer is read: its words, its headers, its ids; and what a stranger's answer means."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import lru_cache
from time import time

from broadcast.domain.hiding import hide
from broadcast.domain.phone import mask
from broadcast.domain.waiting import asked_s
from broadcast.gateways.base import Busy, Closed, Unknown
from broadcast.gateways.http import Response

log = logging.getLogger(__name__)

#: A Retry-After is obeyed up to here.
LONGEST_RETRY_S = 86_400.0
#: Of an answer that is longer, no word beyond is looked at.
MOST_READ = 20_000
#: A number without its area code has as many: whom we wrote to, the gateway may name so.
LEAST_DIGITS = 8


def words(text: str) -> str:
    """The gateway's own words as they can be stored: short, on one line, without anybody's number."""
    return hide(" ".join(whole(text[:MOST_READ]).split()), shown=mask, least=LEAST_DIGITS)[:200]


def whole(text: str) -> str:
    """The text as it can be stored: JSON may hold half of a surrogate pair."""
    return text.encode(errors="replace").decode()


def header(headers: Mapping[str, str], wanted: str) -> str:
    """The header's value, its name in any case; "" where there is none."""
    return next((value for name, value in headers.items() if name.lower() == wanted.lower()), "")


def retry_after_s(answer: Response) -> float | None:
    """How long the answer asks us to wait, given in seconds or as a date; None where it does not say."""
    after_s = asked_s(header(answer.headers, "Retry-After"), now_s=time())
    return None if after_s is None else min(after_s, LONGEST_RETRY_S)


#: A time beyond this is none: the year 2100, in Unix s.
MOST_SECONDS = 4_102_444_800


def moment_ms(text: object, *, unit_ms: int) -> int | None:
    """A number of s or ms since 1970 as Unix ms; None for what is no such number."""
    if type(text) is int and 0 < text * unit_ms < MOST_SECONDS * 1000:
        return text * unit_ms
    return None


def named(payload: Mapping[str, object], name: str) -> str | None:
    """A text in a call, as it can be stored; None where there is none."""
    found = payload.get(name)
    return whole(found) if isinstance(found, str) and found else None


def can_be_id(text: object) -> bool:
    """Whether a message can be found by it: printable, without blanks, of a sane length."""
    return isinstance(text, str) and re.fullmatch(r"[!-~]{1,256}", text) is not None


@lru_cache(maxsize=100)  # once per word, not once per receipt
def tell_of(word: str, where: str) -> None:
    """Log a word of theirs that we do not know."""
    log.warning("unknown word %s in %s", whole(word)[:30], where, extra={"action": "webhook"})


#: A proxy that asks for a login stands where the gateway should.
_SHUT: Mapping[int, str] = {401: "unauthorized", 403: "unauthorized"}
#: With these a proxy says that it did not pass the request on.
_NOT_PASSED_ON: Mapping[int, str] = {429: "too_many_requests", 503: "gateway_unavailable"}


def foreign(answer: Response) -> Busy | Closed | Unknown:
    """An error that is not in the gateway's envelope, so not the gateway's: of a proxy, or of another server.

    Whether a 500 page, 502 or 504 stands for a request that went through, nobody knows; nor with 408, by which some
    mean the server behind them. An envelope that is cut off or too long may be the gateway's, and say anything.
    """
    text = f"HTTP {answer.status}: {words(answer.text)}"
    if answer.json is None and answer.text.lstrip().startswith("{"):
        return Unknown("unknown_answer", text)
    if answer.status in _SHUT:
        return Closed(_SHUT[answer.status], text)
    if answer.status in _NOT_PASSED_ON:
        return Busy(_NOT_PASSED_ON[answer.status], text, after_s=retry_after_s(answer))
    if 300 <= answer.status < 500 and answer.status != 408:
        return Closed("gateway_address_wrong", text)
    return Unknown("unknown_answer", text)


def can_name(text: str) -> bool:
    """Whether it can be an id of Meta's: digits."""
    return re.fullmatch(r"[0-9]{1,32}", text) is not None
