"""State in Redis: the only room that speaks to it. One method, one round trip."""

from __future__ import annotations

from broadcast.domain.pseudonym import Pseudonyms
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
from broadcast.store.sessions import Sessions
from broadcast.store.strikes import Strikes
from broadcast.store.summaries import Summaries
from broadcast.store.suppressions import Suppressions
from broadcast.store.webhooks import Webhooks
from broadcast.store.workers import Workers


class Store:
    """The whole state, by what it concerns. `secret_key` keys the hashes that stand for who was forgotten.

    `default_app` is what stands for the app of the instances that nobody registered; "" where their gateway has none;
    `default_at` is that gateway's dialect, and its address without a slash at the end.
    """

    def __init__(
        self,
        url: str,
        *,
        patience: int = 0,
        answer_s: float = ANSWER_S,
        rest_s: float = 0,
        secret_key: str | None = None,
        default_app: str = "",
        default_at: tuple[str, str] = ("", ""),
    ) -> None:
        pseudonyms = Pseudonyms(secret_key)
        self.default_app, self.default_at = default_app, default_at
        self.scripts = Scripts(connect(url, patience=patience, answer_s=answer_s), rest_s=rest_s)
        self.callers = Callers(self.scripts)
        self.campaigns = Campaigns(self.scripts, pseudonyms)
        self.callbacks = Callbacks(self.scripts)
        self.contacts = Contacts(self.scripts, pseudonyms, default_app)
        self.lanes = Lanes(self.scripts, default_app)
        self.instances = Instances(self.scripts)
        self.workers = Workers(self.scripts)
        self.removals = Removals(self.scripts)
        self.server = Server(self.scripts)
        self.summaries = Summaries(self.scripts)
        self.suppressions = Suppressions(self.scripts, pseudonyms)
        self.desk = Desk(self.scripts)
        self.sessions = Sessions(self.scripts)
        self.strikes = Strikes(self.scripts)
        self.webhooks = Webhooks(self.scripts)

    def ping(self) -> None:
        """Return if Redis answers; raises Unavailable."""
        self.scripts.ask(self.scripts.client.ping)
