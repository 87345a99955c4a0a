"""How any gateway's answer is read: its words, its headers, its ids. Text of a stranger's, made fit to keep."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from time import time

from broadcast.domain.phone import mask
from broadcast.gateways.http import Response

log = logging.getLogger(__name__)

#: A Retry-After is obeyed up to here; a date is only as good as the clock it was taken from.
LONGEST_RETRY_S = 86_400.0


def words(text: str) -> str:
    """The gateway's own words, short, on one line, without anybody's number."""
    return re.sub(r"\d{8,}", lambda match: mask(match[0]), " ".join(text.split()))[:200]


def header(headers: Mapping[str, str], wanted: str) -> str:
    """The header's value, its name in any case; "" where there is none."""
    return next((value for name, value in headers.items() if name.lower() == wanted.lower()), "")


def retry_after_s(answer: Response) -> float | None:
    """How long the answer asks us to wait, given in seconds or as a date."""
    given = header(answer.headers, "Retry-After")
    try:
        after_s = float(given) if re.fullmatch(r"[0-9]+", given) else parsedate_to_datetime(given).timestamp() - time()
    except (ValueError, OverflowError):
        return None
    return min(max(after_s, 0.0), LONGEST_RETRY_S)


def can_be_id(text: object) -> bool:
    """Whether a message can be found by it: printable, without blanks, of a sane length."""
    return isinstance(text, str) and re.fullmatch(r"[!-~]{1,256}", text) is not None


@lru_cache(maxsize=100)  # once per word, not once per receipt
def tell_of(word: str, where: str) -> None:
    """Log a word of theirs that we do not know."""
    log.warning("unknown word %s in %s", word[:30], where, extra={"action": "webhook"})
