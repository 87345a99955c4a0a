"""Which scope each view asks of its caller: one of those in its row, or `admin`, which is good for everything."""

from __future__ import annotations

from collections.abc import Mapping

from broadcast.domain.caller import Scope

READ = frozenset({Scope.READ})
SEND = frozenset({Scope.SEND})
READ_OR_SEND = frozenset({Scope.READ, Scope.SEND})
ADMIN = frozenset({Scope.ADMIN})

#: Views that answer everybody, without a key.
OPEN = frozenset(
    {"health.live", "health.ready", "api-docs.openapi_json", "reading.page", "reading.asset", "reading.problem"}
)

#: Blueprints of pages that find their caller by a session, and look at its scopes themselves; and of their files.
OPEN_ROOMS = frozenset({"dashboard", "bootstrap"})

#: view -> the scopes of which it asks for one. A view that is missing here asks for `admin`.
VIEWS: Mapping[str, frozenset[Scope]] = {
    "figures.metrics": READ,
    "broadcast.broadcast_messaging_service": READ_OR_SEND,  # its action asks for one of them, below
    "broadcast.add_broadcast": SEND,
    "broadcast.broadcast_status": READ,
    "campaigns.list_campaigns": READ,
    "campaigns.one": READ,
    "campaigns.contacts": READ,
    "campaigns.summary": READ,
    "campaigns.add_contacts": SEND,
    "campaigns.start": SEND,
    "campaigns.remove": ADMIN,
    "people.forget": ADMIN,
    "campaigns.events": READ,
    "campaigns.list_events": READ,
    "campaigns.preview": READ_OR_SEND,
    "campaigns.preview_open": READ,
    "campaigns.pause": SEND,
    "campaigns.resume": SEND,
    "campaigns.cancel": SEND,
    "campaigns.retry": SEND,
    "callbacks.page": READ,
    "callbacks.failed": READ,
    "callbacks.replay_failed": SEND,
    "callbacks.replay_one": SEND,
    "suppressions.list_suppressions": READ_OR_SEND,
    "suppressions.add_suppressions": SEND,
    "suppressions.remove_suppression": ADMIN,
    "instances.one": READ,
    "instances.events": READ,
    "instances.pause": SEND,
    "instances.resume": SEND,
    "instances.register": ADMIN,
}

#: action of the CRM's endpoint -> the same
ACTIONS: Mapping[str, frozenset[Scope]] = {
    "send_broadcast": SEND,
    "pause_broadcast": SEND,
    "resume_broadcast": SEND,
    "cancel_broadcast": SEND,
    "broadcast_status": READ,
    "list_broadcasts": READ,
}
