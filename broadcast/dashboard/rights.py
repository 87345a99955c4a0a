"""Which scope each page asks of its caller, as `api.scopes` says it of the API's views."""

from __future__ import annotations

from collections.abc import Mapping

from broadcast.api.scopes import ADMIN, READ, READ_OR_SEND, SEND
from broadcast.domain.caller import Scope

#: Pages, and what they are made of, for everybody.
OPEN = frozenset({"static", "login", "enter", "leave", "language"})

#: page -> the scopes of which it asks for one. A page that is missing here asks for `admin`.
VIEWS: Mapping[str, frozenset[Scope]] = {
    "nowhere": READ_OR_SEND,
    "list_campaigns": READ,
    "list_state": READ,
    "one": READ,
    "state": READ,
    "events": READ,
    "report": READ,
    "chart": READ,
    "contacts": READ,
    "confirm": SEND,
    "do": SEND,
    "list_instances": READ,
    "confirm_instance": SEND,
    "do_instance": SEND,
    "new": SEND,
    "preview": SEND,
    "start": SEND,
    "list_suppressions": READ_OR_SEND,
    "add_suppressions": SEND,
    "confirm_removal": ADMIN,
    "remove_suppression": ADMIN,
}
