"""What keeps an instance's own credentials out of what is shown: gateways repeat them in their errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable
from urllib.parse import quote

#: A shorter one is no secret, and might be a part of any word.
LEAST = 8

#: So long a one is nowhere by chance.
LONG = 20
#: What a shorter one begins after: no letter or digit but that of an escape, in JSON or in an address.
_BEFORE = r"(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{4})|(?<=%[0-9A-Fa-f]{2}))"


def veil_of(secrets: Collection[str | None]) -> Callable[[str], str]:
    """What puts `***` in place of each of these in a text, which may be JSON; as a name in JSON, each stays."""
    spelled = {way for secret in secrets if secret and len(secret) >= LEAST for way in _spellings(secret)}
    if not spelled:
        return lambda text: text
    long, short = (_any_of(way for way in spelled if (len(way) >= LONG) is is_long) for is_long in (True, False))
    # A part of a longer number or id is another's; none is so long by chance. As a name in JSON each stays.
    pattern = re.compile(rf'(?:{long}|{_BEFORE}{short}(?![A-Za-z0-9]))(?!"\s*:)')
    return lambda text: pattern.sub("***", text)


def _any_of(ways: Iterable[str]) -> str:
    found = "|".join(re.escape(way) for way in sorted(ways, key=len, reverse=True))
    return f"(?:{found})" if found else "(?!)"


def _spellings(secret: str) -> set[str]:
    """The secret as it is, in JSON (some escape the slash as well), and in an address."""
    escaped = json.dumps(secret)[1:-1]
    return {secret, escaped, escaped.replace("/", "\\/"), quote(secret, safe="")}
