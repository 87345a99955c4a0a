"""Campaigns in Redis: accepted whole or not at all, steered, and looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broadcast.domain.callback import host_of
from broadcast.domain.campaign import RETRIED_FROM, RULES, Campaign, Move, OnUnknown, Order, Scope, State
from broadcast.domain.contact import Contact, Status
from broadcast.domain.content import Content, Kind, Template
from broadcast.domain.pseudonym import Pseudonyms
from broadcast.store.keys import key
from broadcast.store.scripts import Scripts, pairs

#: Contacts stored per script: one call stays near a millisecond, so accepting never holds up a departure.
CHUNK = 250
_NOTHING: Mapping[str, str] = {}
#: Campaigns glanced at per script, for the same reason.
GLANCE = 50


@dataclass(frozen=True, kw_only=True)
class Look:
    """The raw fields of one campaign, its tally and its lane at one instant."""

    campaign: str
    order: Mapping[str, str]
    tally: Mapping[str, int]
    lane: Mapping[str, str]
    now_ms: int
    highest_priority: int  #: of the running campaigns in the lane
    send_workers: int
    control_workers: int
    could_leave: int  #: contacts that wait for nothing but their departure
    own_gap_ms: int  #: the instance's own gap with its jitter
    last_due_ms: int  #: until then the last of the contacts waits that wait for a time of their own; 0: none does
    behind_ms: int  #: how late the send workers take what they are given, all lanes together


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """A contact that is to be added. `identity` is "" for what cannot be a number; `reason`: it is left out anyway."""

    phone: str
    identity: str
    values: Mapping[str, str]
    reason: str | None
    detail: str = ""  #: the variables that it lacks, or how long it would be


@dataclass(frozen=True, kw_only=True)
class Steering:
    """What a steer did: whether it could, and where the campaign is now."""

    done: bool
    state: State
    sending: int
    instance: str


@dataclass(frozen=True, kw_only=True)
class Retrying:
    """What a retry did: whether it could, how many contacts it put back, and how many are left."""

    done: bool
    queued: int
    left: int
    state: State
    instance: str
    asked_ms: int


class Campaigns:
    """Everything that concerns whole campaigns."""

    def __init__(self, scripts: Scripts, pseudonyms: Pseudonyms) -> None:
        self._scripts = scripts
        self._pseudonyms = pseudonyms

    def claim(self, order: Order, *, token: str, lease_ms: int) -> str:
        """Claim the order's id for accepting: "new", "known", "accepting", "conflict" or "removing" (see claim.lua)."""
        word, *left = self._scripts.run("claim", order.campaign, order.digest, token, lease_ms)
        if left and left[0]:
            self._forget_contacts(order.campaign, token, left[0])
        return str(word)

    def release(self, campaign: str, *, token: str, stored: int) -> None:
        """Give up a claim that was not opened; its `stored` contacts go first, while nobody else can have the id."""
        if self._forget_contacts(campaign, token, stored):
            self._scripts.run("release", campaign, token)

    def abandon(self, campaign: str, *, token: str, lease_ms: int, idle_ms: int) -> int:
        """Take over a claim whose lease is over for so long; how many contacts it may have stored, -1: it is not."""
        return int(self._scripts.run("abandon", campaign, token, lease_ms, idle_ms))

    def _forget_contacts(self, campaign: str, token: str, count: int) -> bool:
        return all(
            self._scripts.run("forget", campaign, token, first, min(first + CHUNK, count))
            for first in range(0, count, CHUNK)
        )

    def stage(self, campaign: str, contacts: Sequence[Contact], *, token: str, lease_ms: int) -> bool:
        """Store the next contacts of a claimed campaign; False when the claim was lost."""
        fields = []
        for contact in contacts:
            values = json.dumps(dict(contact.values), ensure_ascii=False) if contact.values else ""
            fields += [contact.phone, contact.status.value, values, contact.reason or "", contact.detail or ""]
        return bool(self._scripts.run("stage", campaign, token, lease_ms, contacts[0].number, *fields))

    def open(
        self,
        order: Order,
        *,
        token: str,
        counts: Mapping[Status, int],
        skipped: Mapping[str, int],
        foretold: Mapping[str, str] = _NOTHING,
    ) -> State | None:
        """Make the accepted campaign visible, with what is foretold of it; None when the claim was lost."""
        fields: dict[str, str | int] = {
            "total": sum(counts.values()),
            "priority": order.priority,
            "gap_ms": order.gap_ms,
            "jitter_ms": order.jitter_ms,
            "on_unknown": order.on_unknown.value,
            "content": _content(order.content),
            "left_out": json.dumps(dict(skipped)),
            **({"open": 1} if order.is_open else {}),
            **foretold,
        }
        if order.callback_url:
            fields |= {"callback_url": order.callback_url, "callback_host": host_of(order.callback_url)}
        reply = self._scripts.run(
            "open", order.campaign, token, order.instance, order.scheduled_ms or "",
            counts.get(Status.PENDING, 0), counts.get(Status.SKIPPED, 0),
            *(item for pair in fields.items() for item in pair),
        )  # fmt: skip
        return None if reply == "lost" else State(reply)

    def add(
        self, campaign: str, contacts: Sequence[Newcomer], *, chunk: int, part: int, digest: str, most: int
    ) -> tuple[str, Any] | None:
        """Add a part of a chunk to an open campaign: a word, and what goes with it (see add.lua)."""
        fields: list[str] = []
        for one in contacts:
            values = json.dumps(dict(one.values), ensure_ascii=False) if one.values else ""
            hashed = self._pseudonyms.of(one.identity) if one.identity else ""
            fields += [one.phone, one.identity, hashed, values, one.reason or "", one.detail]
        reply = self._scripts.run("add", campaign, chunk, part, digest, most, *fields)
        return (str(reply[0]), reply[1] if len(reply) > 1 else None) if reply else None

    def start(self, campaign: str, *, foretold: Mapping[str, str] = _NOTHING) -> tuple[bool, State, str] | None:
        """Start an open campaign: whether it could, its state now, and its instance; None: no such campaign."""
        reply = self._scripts.run("start", campaign, *(item for pair in foretold.items() for item in pair))
        return (bool(reply[0]), State(reply[1]), str(reply[2])) if reply else None

    def find(self, campaign: str) -> Campaign | None:
        """What sending needs to know of a campaign; it never changes, so callers may keep it."""
        names = ("instance", "content", "priority", "on_unknown")
        instance, content, priority, on_unknown = self._scripts.ask(
            lambda: self._scripts.client.hmget(key("campaign", campaign), names)
        )
        if content is None:
            return None
        return Campaign(
            id=campaign,
            instance=instance,
            content=_read_content(content),
            priority=int(priority),
            on_unknown=OnUnknown(on_unknown),
        )

    def digest_of(self, campaign: str) -> str | None:
        """The digest of the body that has the id; None where no campaign has it, or only one that is being accepted."""
        status, digest = self._scripts.ask(
            lambda: self._scripts.client.hmget(key("campaign", campaign), ("status", "digest"))
        )
        return None if status in {None, "staging", "removing"} else digest

    def created_ms(self, campaign: str) -> int | None:
        """When the campaign that has the id was accepted, Unix ms; None where there is none, or it is being removed."""
        status, created = self._scripts.ask(
            lambda: self._scripts.client.hmget(key("campaign", campaign), ("status", "created_ms"))
        )
        return None if status in {None, "staging", "removing"} else int(created)

    def steer(
        self, campaign: str, move: Move, *, because: str = "", of: int | None = None, news: Sequence[str] = ()
    ) -> Steering | None:
        """Make a move if the campaign's state allows it; None when there is no such campaign.

        `because` says why, where it is no person's wish; `of` is the contact that the gateway says it of.
        For `news` it is done once, however often they are told.
        """
        rule = RULES[move]
        may_follow = ",".join(sorted(state.value for state in rule.from_))
        reply = self._scripts.run(
            "steer", campaign, rule.to.value, may_follow, because, "" if of is None else of, *news
        )
        if not reply:
            return None
        done, status, sending, instance = reply
        return Steering(done=bool(done), state=State(status), sending=sending, instance=instance)

    def retry(self, campaign: str, scope: Scope, *, asked_ms: int | None = None, limit: int = CHUNK) -> Retrying | None:
        """Put the next failed or unconfirmed contacts back into the lane; None when there is no such campaign.

        Those are meant that were so at `asked_ms`, Unix ms by Redis's clock (None: now).
        """
        may_be_in = ",".join(sorted(state.value for state in RETRIED_FROM))
        asked = "" if asked_ms is None else asked_ms
        reply = self._scripts.run("retry", campaign, scope.value, limit, may_be_in, asked)
        if not reply:
            return None
        done, queued, left, state, instance, asked = reply
        return Retrying(
            done=bool(done), queued=queued, left=left, state=State(state), instance=instance, asked_ms=asked
        )

    def chores(self) -> dict[str, int]:
        """Work that somebody began and upkeep ends: its name, and since when, Unix ms."""
        found = self._scripts.ask(lambda: self._scripts.client.hgetall(key("chores")))
        return {name: int(since) for name, since in found.items()}

    def sweep(self, campaign: str, *, limit: int = CHUNK) -> int:
        """Cancel the next waiting contacts of a cancelled campaign; return how many still wait."""
        return int(self._scripts.run("sweep", campaign, limit))

    def look(self, campaign: str) -> Look | None:
        """One campaign at one instant, in one round trip."""
        reply = self._scripts.run("look", campaign)
        return look_of(campaign, reply) if reply else None

    def glance(self, known: Mapping[str, int | None]) -> dict[str, Look | None]:
        """Of these campaigns (id -> the revision that is known, None: look anyhow) those that changed; one round trip.

        None where there is no such campaign any more.
        """
        asked = list(known.items())
        each = [
            [field for id_, revision in asked[first : first + GLANCE] for field in (id_, revision or "")]
            for first in range(0, len(asked), GLANCE)
        ]
        replies = [reply for part in self._scripts.run_each("glance", each=each) for reply in part] if each else []
        found = zip(known, replies, strict=True)
        return {id_: look_of(id_, reply) if reply else None for id_, reply in found if reply != 0}

    def page(
        self, *, state: State | None, instances: frozenset[str] | None, limit: int, before: str, after: str
    ) -> list[tuple[str, Look]]:
        """Up to `limit` + 1 campaigns, newest first, each with when it was accepted (Unix ms); one round trip."""
        wanted = "" if instances is None else json.dumps(sorted(instances))
        reply = self._scripts.run("page", before, after, limit, state.value if state else "", wanted)
        return [(at, look_of(campaign, look)) for campaign, at, look in reply]

    def forecasts(self) -> dict[str, float]:
        """How true the forecasts were of the campaigns that are over; see `judge` of the scripts' prelude."""
        found = self._scripts.ask(lambda: self._scripts.client.hgetall(key("forecasts")))
        return {name: float(value) for name, value in found.items()}

    def begin_due(self, *, limit: int = 100) -> list[str]:
        """Start the campaigns whose scheduled time has come; return them."""
        return list(self._scripts.run("begin", limit))

    def finish(self, campaign: str) -> bool:
        """Complete a campaign that has nothing left to send; True when this call did."""
        return bool(self._scripts.run("finish", campaign))


def _content(content: Content) -> str:
    parts: dict[str, Any] = {"kind": content.kind.value, "text": content.text, "media_url": content.media_url}
    if content.template:
        name, language, components = content.template.name, content.template.language, content.template.components
        parts["template"] = {"name": name, "language": language, "components": list(components)}
    return json.dumps(parts, ensure_ascii=False)


def _read_content(text: str) -> Content:
    parts = json.loads(text)
    template = Template(**parts["template"]) if "template" in parts else None
    return Content(kind=Kind(parts["kind"]), text=parts["text"], media_url=parts["media_url"], template=template)


def look_of(campaign: str, reply: Sequence[Sequence[str]]) -> Look:
    """What `look` of the scripts replies."""
    order, tally, lane, (now, urgent, senders, controllers, could_leave, own_gap, *later) = reply
    last_due, behind, *_ = (*later, "0", "0")  # callbacks of an earlier version have less
    return Look(
        campaign=campaign,
        order=pairs(order),
        tally={name: int(count) for name, count in pairs(tally).items()},
        lane=pairs(lane),
        now_ms=int(now),
        highest_priority=int(urgent),
        send_workers=int(senders),
        control_workers=int(controllers),
        could_leave=int(could_leave),
        own_gap_ms=int(own_gap),
        last_due_ms=int(last_due),
        behind_ms=int(behind),
    )
