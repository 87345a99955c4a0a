"""What every shape of a request is made of: strict objects, texts that can be stored, addresses that can be fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from marshmallow import RAISE, Schema, ValidationError, fields, pre_load, validate

from broadcast.domain.filling import parsed, unreadable

#: What Redis, a gateway's JSON or a URL cannot carry: NUL, and half of a surrogate pair.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
#: What is said of a text with one of them.
IS_UNSTORABLE = "has characters that cannot be sent"


class Shape(Schema):
    """An object without unknown fields, in which null says the same as leaving the field out."""

    class Meta:
        """Said for OpenAPI too."""

        unknown = RAISE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:  # noqa: ARG002 - marshmallow's
        """For OpenAPI: null is gone before any field could see it."""
        field_obj.allow_none = not field_obj.required

    @pre_load
    def without_nulls(self, data: Any, **_: Any) -> Any:
        """A null under a name that we do not know stays, and is refused with it."""
        if not isinstance(data, Mapping):
            return data
        return {name: value for name, value in data.items() if value is not None or name not in self.fields}


def like(pattern: str, error: str) -> dict[str, Any]:
    """What a field takes whose whole text must be like the pattern. In OpenAPI it is one that not only Python reads."""
    whole = validate.Regexp(rf"(?:{pattern})\Z", error=error)
    return {"validate": whole, "metadata": {"pattern": f"^(?:{pattern})$"}}


def storable(text: str) -> None:
    """Raise ValidationError for a text that cannot be stored or sent."""
    if UNSTORABLE.search(text):
        raise ValidationError(IS_UNSTORABLE)


def readable(text: str) -> None:
    """Raise ValidationError for a text with a `{{…}}` that would go out as it stands."""
    found = unreadable(text)
    if found is not None:
        raise ValidationError(
            f"has a {{{{…}}}} that is no variable: {found[:80]}; between the braces stands a value's name, such as "
            "{{name}}, perhaps with what to say instead, such as {{city|your city}}"
        )


def the_same_for_all(text: str) -> None:
    """Raise ValidationError for an address with marks: nothing is filled in it, and nobody would get anything."""
    if any(not isinstance(piece, str) for piece in parsed(text).pieces):
        raise ValidationError("takes no {{variable}} and no [[variation]]: it is the same for every contact")


def is_web_address(url: str | None) -> bool:
    """Whether a gateway could fetch something there."""
    try:
        parts = urlsplit(url or "")
        has_host = bool(parts.hostname) and parts.port != 0  # a port that is no number raises
        return has_host and parts.scheme in {"http", "https"} and not re.search(r"[\s\x00-\x20\x7f]", url or "")
    except ValueError:
        return False
