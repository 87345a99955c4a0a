"""Which scope each page asks of its caller, as `api.scopes` says it of the API's views."""

from __future__ import annotations

from collections.abc import Mapping

from flask import url_for

from broadcast.api import auth
from broadcast.api.scopes import ADMIN, READ, READ_OR_SEND, SEND
from broadcast.domain.caller import Caller, Scope

#: Pages, and what they are made of, for everybody.
OPEN = frozenset({"static", "login", "enter", "leave", "language"})

#: page -> the scopes of which it asks for one. A page that is missing here asks for `admin`.
VIEWS: Mapping[str, frozenset[Scope]] = {
    "nowhere": READ_OR_SEND,
    "list_campaigns": READ,
    "list_state": READ,
    "list_events": READ,
    "one": READ,
    "state": READ,
    "events": READ,
    "report": READ,
    "chart": READ,
    "contacts": READ,
    "confirm": SEND,
    "do": SEND,
    "confirm_remove": ADMIN,
    "remove": ADMIN,
    "audience": SEND,
    "add_file": SEND,
    "list_instances": READ,
    "lane_events": READ,
    "confirm_instance": SEND,
    "do_instance": SEND,
    "one_instance": READ,
    "new_instance": ADMIN,
    "register_new": ADMIN,
    "change_instance": ADMIN,
    "register": ADMIN,
    "new": SEND,
    "preview": SEND,
    "previewed": SEND,
    "start": SEND,
    "callbacks": READ,
    "failed_callbacks": READ,
    "confirm_replay": SEND,
    "replay_callbacks": SEND,
    "replay_callback": SEND,
    "people": READ,
    "find_person": READ,
    "person": READ,
    "confirm_forgetting": ADMIN,
    "forget_person_now": ADMIN,
    "list_keys": ADMIN,
    "create_key": ADMIN,
    "created_key": ADMIN,
    "confirm_revocation": ADMIN,
    "revoke_key": ADMIN,
    "list_suppressions": READ_OR_SEND,
    "add_suppressions": SEND,
    "confirm_removal": ADMIN,
    "remove_suppression": ADMIN,
}

#: Pages of what all instances share, which are for keys of all of them.
FOR_ALL = frozenset({"list_keys"})
#: Where somebody begins: at the first of these that they may see.
HOMES = ("list_campaigns", "new", "list_suppressions")


def may_see(view: str, caller: Caller | None = None) -> bool:
    """Whether the caller, or who makes this request, may ask for the page."""
    who = caller or auth.caller()
    return who.has_one_of(VIEWS.get(view, ADMIN)) and (view not in FOR_ALL or who.instances is None)


def home(caller: Caller | None = None) -> str:
    """The address of the page that the caller, or who makes this request, begins at."""
    return url_for(f"dashboard.{next((view for view in HOMES if may_see(view, caller)), HOMES[0])}")


def page_of(campaign: str) -> str:
    """The address that shows a campaign; for who may only send, where its contacts are added."""
    return url_for("dashboard.one" if may_see("one") else "dashboard.audience", campaign=campaign)
