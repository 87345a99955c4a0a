"""Every error of ours, in one tree, named for what the caller does next.

::

    BroadcastError
    ├── SettingsError      the operator corrects a setting; the process does not start
    ├── NotNow             the send task tries the same contact again in a moment
    ├── Held               the fence said no: the request is not written
    ├── Unavailable        Redis is away or full; the caller comes back later            503
    └── CallerError        the request cannot be served as it stands
        ├── Invalid        some fields are wrong; each is named                          422
        ├── Unauthorized   no key, or a wrong one                                        401
        ├── Forbidden      the key has not the scope, or may not use this instance       403
        ├── NotFound       no such campaign or instance                                  404
        ├── Conflict       another body under the same id, or a move that cannot be      409
        └── TooMany        more requests than the key may make; the caller waits         429
"""

from __future__ import annotations

from dataclasses import dataclass


class BroadcastError(Exception):
    """The root: catch it to catch everything that is ours."""


class SettingsError(BroadcastError):
    """A setting is missing or wrong; the text names it and says what to do."""

    def __init__(self, name: str, problem: str, remedy: str) -> None:
        super().__init__(f"{name}: {problem}. {remedy}")
        self.name = name
        self.remedy = remedy


class NotNow(BroadcastError):
    """A short fault at the gateway: nothing was sent, and a moment later it may work."""


class Held(BroadcastError):
    """The fence said no; `why` is where the contact is, or what holds it. Nothing was written."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Unavailable(BroadcastError):
    """We are the ones who cannot: the state store is away, full or still loading."""

    def __init__(self, detail: str, *, retry_after_s: int = 5) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class CallerError(BroadcastError):
    """The request cannot be served as it stands. `code` is for programs, the text for people."""

    code = "bad_request"


@dataclass(frozen=True)
class FieldError:
    """One wrong field: a JSON pointer (RFC 6901) into the request body, and what is wrong there."""

    pointer: str
    detail: str


class Invalid(CallerError):
    """One or more fields are wrong."""

    code = "invalid_request"

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{error.pointer}: {error.detail}" for error in errors))
        self.errors = errors


class Unauthorized(CallerError):
    """No key was presented, or one that we do not know."""

    code = "unauthorized"


class Forbidden(CallerError):
    """The key is known but has not the scope, or may not use this instance."""

    code = "forbidden"


class NotFound(CallerError):
    """No such campaign or instance, or none that this key may see."""

    code = "not_found"


class Conflict(CallerError):
    """The id is taken by another body, or the campaign cannot make this move from where it is."""

    code = "conflict"


class TooMany(CallerError):
    """The caller asked more often than it may."""

    code = "too_many_requests"

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
