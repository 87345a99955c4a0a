"""How a dialect's tables say what a text of the gateway's means: a reason of ours, with their words as the detail."""

from __future__ import annotations

from collections.abc import Callable

from broadcast.gateways.base import Answer, Busy, Closed, Connection, Refused, Scope, Unknown
from broadcast.gateways.http import Response
from broadcast.gateways.words import retry_after_s

#: WhatsApp throttles the queries of an unofficial client for minutes, not seconds.
OVERLIMIT_S = 120.0

#: What a dialect without templates says of one. Its campaign was accepted when the instance had another gateway, and
#: the text beside a template is nobody's message.
NO_TEMPLATES = Closed(
    "templates_unsupported",
    "the instance's gateway knows no templates, and nothing is sent instead. Register the instance with Meta's Cloud "
    "API again and resume; or cancel, and order anew without a template",
    scope=Scope.CAMPAIGN,
)


def shut_by(means: Answer) -> Connection | None:
    """What the error of a probe says of the instance: that it is shut, or nothing."""
    return Connection(is_open=False, reason=means.reason) if isinstance(means, Closed) else None


#: Their words, and the answer that they stand in -> what it means.
Reading = Callable[[str, Response], Answer]


def busy(reason: str, *, after_s: float | None = None) -> Reading:
    """Not now; not before the answer's Retry-After, or else `after_s`."""
    return lambda text, answer: Busy(reason, text, after_s=retry_after_s(answer) or after_s)


def refused(reason: str) -> Reading:
    """The one contact, or the one message, cannot be sent."""
    return lambda text, _: Refused(reason, text)


def closed(reason: str, *, scope: Scope = Scope.INSTANCE) -> Reading:
    """Nothing at all can be sent."""
    return lambda text, _: Closed(reason, text, scope)


def unknown(reason: str, *, after_s: float | None = None) -> Reading:
    """It may have been sent. Nothing more is, before the answer's Retry-After or else `after_s`, where there is one."""
    return lambda text, answer: Unknown(reason, text, after_s=(retry_after_s(answer) or after_s) if after_s else None)
