"""The suppression list in Redis: who wants no more messages. The fence looks at it before every departure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from broadcast.domain.optout import Source
from broadcast.domain.pseudonym import Pseudonyms, fingerprint_of, plain
from broadcast.store.keys import key
from broadcast.store.scripts import Scripts

#: How long a gateway may tell old news again: the longest that Meta redelivers a webhook call is 30 days.
TOLD_AGAIN_S = 30 * 86_400
#: To be raised with each change of `domain.phone.identity`, so that who is on the list is looked for where they are.
IDENTITIES = "3"


class Suppressions:
    """People are kept by their identity (`domain.phone.identity`), so that both Brazilian forms are one person.

    Who was forgotten is kept by a keyed hash of it alone.
    """

    def __init__(self, scripts: Scripts, pseudonyms: Pseudonyms) -> None:
        self._scripts = scripts
        self._pseudonyms = pseudonyms

    def add(self, people: Mapping[str, Mapping[str, Any]], *, is_told: bool = False) -> frozenset[str]:
        """Add people, identity -> what is known of it (`phone`, `source`, `since` in RFC 3339); return who is new.

        `also` has the further sources, each with its `since`: what the gateway said through each instance is kept, and
        gives way to what a person did. Of who was forgotten, the number is not learned anew: they are on the list.
        `is_told`: a gateway tells it, so what it has told to be taken back since changes nothing.
        """
        if not people:
            return frozenset()
        fields = (
            field
            for identity, known in people.items()
            for field in (identity, self._pseudonyms.of(identity), json.dumps(dict(known), ensure_ascii=False))
        )
        gateways = (f"{Source.MENU.value} ", f"{Source.ANSWER.value} ")
        words = self._scripts.run("suppress", *gateways, "1" if is_told else "", *fields)
        return frozenset(identity for identity, is_new in zip(people, words, strict=True) if is_new)

    def relent(self, identity: str, sources: Iterable[str], *, upto: str, remembered: str) -> bool:
        """Undo what these sources said up to this moment (RFC 3339, "" for ever); True when that takes a person off.

        What they said up to `remembered` ("": nothing) is not believed if it is told again.
        """
        hashed = self._pseudonyms.of(identity)
        return bool(self._scripts.run("relent", identity, upto, hashed, remembered, TOLD_AGAIN_S, *sources))

    def remove(self, identity: str) -> bool:
        """Take a person off the list; False when nobody of this identity is on it."""
        names = (identity, self._pseudonyms.of(identity), plain(identity))
        return bool(self._scripts.ask(lambda: self._scripts.client.hdel(key("suppressed"), *names)))

    def hash_only(self, identity: str) -> str:
        """Keep a person who is on the list there by a hash alone; return the hash, whether they are or not."""
        hashed = self._pseudonyms.of(identity)
        self._scripts.run("hide", identity, hashed, *(source.at("") for source in Source))
        return hashed

    def among(self, identities: Iterable[str]) -> frozenset[str]:
        """Which of these are on the list."""
        wanted = list(dict.fromkeys(identities))
        if not wanted:
            return frozenset()
        names = (name for identity in wanted for name in (identity, self._pseudonyms.of(identity)))
        found = self._scripts.run("among", *names)
        return frozenset(identity for identity, is_there in zip(wanted, found, strict=True) if is_there)

    def is_current(self) -> bool:
        """Whether all are kept by identities as `domain.phone.identity` makes them now."""
        return bool(self._scripts.ask(lambda: self._scripts.client.get(key("identity_form"))) == IDENTITIES)

    def be_current(self) -> None:
        """Note that they are."""
        self._scripts.ask(lambda: self._scripts.client.set(key("identity_form"), IDENTITIES))

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the key that we make hashes with; "" where there is none."""
        return self._pseudonyms.fingerprint

    def made_with(self) -> frozenset[str]:
        """The fingerprints of all keys that hashes were ever made with, whether any of theirs is left or not."""
        return frozenset(self._scripts.ask(lambda: self._scripts.client.smembers(key("hashed_with"))))

    def hashes(self) -> Counter[str]:
        """How many are kept by a hash, by the fingerprint of its key ("": made without one). Reads the whole list."""
        found: Counter[str] = Counter()
        cursor = 0
        while True:
            people, cursor = self.page(cursor=cursor, limit=1000)
            made_with = map(fingerprint_of, people)
            found.update(fingerprint for fingerprint in made_with if fingerprint is not None)
            if not cursor:
                return found

    def page(self, *, cursor: int, limit: int) -> tuple[dict[str, Mapping[str, Any]], int]:
        """About `limit` of the list, in no order, and the cursor to go on with (0: this was the last).

        Who is on the list all the while is told of at least once; a short list is told whole.
        """
        after, rows = self._scripts.ask(
            lambda: self._scripts.client.hscan(key("suppressed"), cursor=cursor, count=limit)
        )
        return {identity: json.loads(text) for identity, text in rows.items()}, int(after)
