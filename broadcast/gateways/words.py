"""What an answer says in words and headers, read alike by every dialect; and what a stranger's answer means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time

from broadcast.domain.phone import mask
from broadcast.gateways.base import Answer, Busy, Closed, Unknown
from broadcast.gateways.http import Response

#: A Retry-After is obeyed up to here; a date is only as good as the clock it was taken from.
LONGEST_RETRY_S = 86_400.0


def words(text: str) -> str:
    """The gateway's own words, short, on one line, without anybody's number."""
    return re.sub(r"\d{8,}", lambda match: mask(match[0]), " ".join(text.split()))[:200]


def retry_after_s(response: Response) -> float | None:
    """How long the answer asks us to wait, in s; None where it does not say, or says nonsense."""
    given = next((value for name, value in response.headers.items() if name.lower() == "retry-after"), "")
    try:
        after_s = float(given) if re.fullmatch(r"[0-9]+", given) else parsedate_to_datetime(given).timestamp() - time()
    except (ValueError, OverflowError):
        return None
    return min(max(after_s, 0.0), LONGEST_RETRY_S)


#: A proxy that asks for a login stands where the gateway should.
_SHUT: Mapping[int, str] = {401: "unauthorized", 403: "unauthorized"}
#: With these a proxy says that it did not pass the request on.
_NOT_PASSED_ON: Mapping[int, str] = {429: "too_many_requests", 503: "gateway_unavailable"}


def foreign(response: Response) -> Answer:
    """An error that is not in the gateway's envelope, so not the gateway's: of a proxy, or of another server.

    Whether a 500 page, 502 or 504 stands for a request that went through, nobody knows; nor with 408, by which some
    mean the server behind them.
    """
    text = words(response.text)
    if response.status in _SHUT:
        return Closed(_SHUT[response.status], text)
    if response.status in _NOT_PASSED_ON:
        return Busy(_NOT_PASSED_ON[response.status], text, after_s=retry_after_s(response))
    if 300 <= response.status < 500 and response.status != 408:
        return Closed("gateway_address_wrong", f"HTTP {response.status}: {text}")
    return Unknown("unknown_answer", f"HTTP {response.status}: {text}")
