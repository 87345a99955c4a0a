"""Removing in Redis: campaigns that are over, and one person's data in all of them; some contacts at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping

from broadcast.domain.campaign import State
from broadcast.store.keys import key
from broadcast.store.scripts import Scripts

#: Contacts that one script erases, and that one looks at for a person.
ERASED_AT_ONCE = 250
LOOKED_AT_ONCE = 500
#: The states in which a campaign is over.
OVER = (State.COMPLETED, State.CANCELLED)


class Removals:
    """Each removal is kept until it is done, so that one whose worker died is found and gone on with."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def remove(self, campaign: str, *, age_ms: int | None = None) -> tuple[bool, State] | None:
        """Begin to remove a campaign if it is over (for `age_ms`, if given) and nothing of it is on its way.

        Whether it began, and the state it was in; None where there is no such campaign.
        """
        may_be_in = ",".join(state.value for state in OVER)
        reply = self._scripts.run("remove", campaign, may_be_in, "" if age_ms is None else age_ms)
        return (bool(reply[0]), State(reply[1])) if reply else None

    def erase(self, campaign: str) -> int:
        """Erase the next contacts of a campaign that is being removed; how many are left, or -1: it is gone."""
        return int(self._scripts.run("erase", campaign, ERASED_AT_ONCE))

    def aged(self, *, age_ms: int, over: int, count: int = 100) -> tuple[int, list[str]]:
        """Those of the oldest campaigns that ended so long ago: how many were looked at, and which they are."""
        looked, campaigns = self._scripts.run("aged", age_ms, over, count)
        return int(looked), list(campaigns)

    def wish(self, token: str, phones: Mapping[str, str], *, sought: Mapping[str, str], identity: str) -> None:
        """Note that a person is to be forgotten: each of its numbers, and what is to stand for it.

        `sought`: the same of the digits to look for in what was no number. The token stands for the identity.
        """
        known = ["phones", json.dumps(dict(phones)), "sought", json.dumps(dict(sought)), "identity", identity]
        fields = [*known, "campaign", "", "at", "0", "number", "0", "blanked", "0"]

        def ask() -> None:
            with self._scripts.client.pipeline(transaction=True) as pipe:
                pipe.hset(key("forget", token), items=fields)
                pipe.zadd(key("forgetting"), {token: 0})
                pipe.execute()

        self._scripts.ask(ask)

    def forget(self, token: str) -> tuple[str, int]:
        """Blank the next contacts of a person: "on", "wire" or "done" (see blank.lua), and how many there were."""
        word, blanked = self._scripts.run("blank", token, LOOKED_AT_ONCE)
        return str(word), int(blanked)

    def unfinished(self, *, idle_ms: int) -> tuple[list[str], list[str]]:
        """Campaigns and tokens whose removal nobody has gone on with for so long."""
        return self._idle("removals", idle_ms), self._idle("forgetting", idle_ms)

    def stagings(self, *, idle_ms: int) -> list[str]:
        """Campaigns that somebody began to accept so long ago, and has neither opened nor given up."""
        return self._idle("stagings", idle_ms)

    def _idle(self, name: str, idle_ms: int) -> list[str]:
        seconds, _ = self._scripts.ask(self._scripts.client.time)
        until = int(seconds) * 1000 - idle_ms
        return list(self._scripts.ask(lambda: self._scripts.client.zrangebyscore(key(name), "-inf", until)))
