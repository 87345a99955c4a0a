"""State in Redis: the only room that speaks to it. One method, one round trip."""

from __future__ import annotations

from broadcast.store.callbacks import Callbacks
from broadcast.store.callers import Callers
from broadcast.store.campaigns import Campaigns
from broadcast.store.contacts import Contacts
from broadcast.store.desk import Desk
from broadcast.store.instances import Instances
from broadcast.store.lanes import Lanes
from broadcast.store.removals import Removals
from broadcast.store.scripts import ANSWER_S, Scripts, connect
from broadcast.store.server import Server
from broadcast.store.strikes import Strikes
from broadcast.store.suppressions import Suppressions
from broadcast.store.workers import Workers


class Store:
    """The whole state, by what it concerns."""

    def __init__(self, url: str, *, patience: int = 0, answer_s: float = ANSWER_S) -> None:
        self.scripts = Scripts(connect(url, patience=patience, answer_s=answer_s))
        self.callers = Callers(self.scripts)
        self.campaigns = Campaigns(self.scripts)
        self.callbacks = Callbacks(self.scripts)
        self.contacts = Contacts(self.scripts)
        self.lanes = Lanes(self.scripts)
        self.instances = Instances(self.scripts)
        self.workers = Workers(self.scripts)
        self.removals = Removals(self.scripts)
        self.server = Server(self.scripts)
        self.suppressions = Suppressions(self.scripts)
        self.desk = Desk(self.scripts)
        self.strikes = Strikes(self.scripts)

    def ping(self) -> None:
        """Return if Redis answers; raises Unavailable."""
        self.scripts.ask(self.scripts.client.ping)
