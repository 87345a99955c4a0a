"""Contacts in Redis: the fence before a send, the record after it, and the receipts that come later."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from broadcast.domain.answer import Refused
from broadcast.domain.campaign import RULES, Move
from broadcast.domain.contact import ANSWER_AFTER, COMES_AFTER, Status
from broadcast.domain.phone import identity as identity_of
from broadcast.domain.pseudonym import Pseudonyms
from broadcast.domain.receipt import Receipt
from broadcast.pacing import ON_TIME_MS
from broadcast.store.keys import key
from broadcast.store.scripts import Scripts, pairs
from broadcast.store.tickets import Back, Deferral, Doubt, Go, Gone, Leave, Outcome, Person, Settled, Ticket, Wait

#: How long a message id can be joined to its contact: the longest that Meta redelivers a receipt is 30 days.
KEEP_ID_S = 30 * 86_400
#: How long a receipt waits for the send's answer to name its id.
PARK_S = 900
#: Receipts that one script applies: it stays near a millisecond, so that no departure waits for it.
SETTLED_AT_ONCE = 50
#: The states that a campaign is paused in by a receipt that halts it.
_PAUSED_FROM = ",".join(sorted(state.value for state in RULES[Move.PAUSE].from_))
#: Contacts in doubt that one script looks at.
DOUBTS_AT_ONCE = 500
#: Contacts that one script looks at for a page.
LOOKED_AT = 2000
#: The statuses whose times are drawn over time.
MOMENTS = (Status.SENT, Status.DELIVERED, Status.READ, Status.FAILED)


def _reason(refused: Refused) -> str:
    return refused.reason


class Contacts:
    """Everything that concerns one contact at a time."""

    def __init__(self, scripts: Scripts, pseudonyms: Pseudonyms, default_app: str) -> None:
        self._scripts = scripts
        self._pseudonyms = pseudonyms
        self._default_app = default_app

    def person(self, ticket: Ticket) -> Person | None:
        """Whom the ticket's contact is; None when its batch no longer holds it."""

        def ask() -> list[Sequence[str | None]]:
            with self._scripts.client.pipeline(transaction=False) as pipe:
                wanted = ("batch", "phone", "values", "attempts", "capped", "failures")
                pipe.hmget(key("contact", ticket.campaign, ticket.number), wanted)
                pipe.hmget(key("campaign", ticket.campaign), ("digest", "created_ms"))
                return list(pipe.execute())

        (batch, phone, values, attempts, capped, failures), (digest, created_ms) = self._scripts.ask(ask)
        if batch != ticket.batch or phone is None or digest is None:
            return None
        edition = f"{created_ms}.{failures or 0}"
        return Person(phone, _values(values), digest, int(attempts or 0), int(capped or 0), edition)

    def leave(
        self,
        ticket: Ticket,
        *,
        identity: str,
        own_id: str | None,
        ahead_ms: int,
        patience_ms: int,
        lease_ms: int,
        pair_ms: int = 0,
        has_waited: bool = False,
        behind_ms: int = 0,
    ) -> Leave:
        """Ask the fence whether the contact may leave now. See leave.lua."""
        reply = self._scripts.run(
            "leave", ticket.instance, ticket.campaign, ticket.number, ticket.batch, ticket.run,
            ahead_ms, patience_ms, lease_ms, identity, own_id or "", KEEP_ID_S, pair_ms,
            "1" if has_waited else "", self._pseudonyms.of(identity), behind_ms, ON_TIME_MS,
        )  # fmt: skip
        if reply[0] == "go":
            return Go(*reply[1:])
        if reply[0] == "wait":
            return Wait(reply[1])
        return Back(reply[1]) if reply[0] == "back" else Gone(reply[1])

    def attend(self, ticket: Ticket, *, lease_ms: int) -> bool:
        """Note that a question about the contact goes first; False when its batch does not hold it any more."""
        held = (ticket.instance, ticket.campaign, ticket.number, ticket.batch)
        return bool(self._scripts.run("attend", *held, lease_ms))

    def slip(self, ticket: Ticket, *, late_ms: int) -> bool:
        """Push the lane's clock, if this contact was the last to leave and left late."""
        return bool(self._scripts.run("slip", ticket.instance, ticket.campaign, ticket.number, ticket.run, late_ms))

    def record(
        self,
        ticket: Ticket,
        outcome: Outcome,
        *,
        identity: str = "",
        suppress: tuple[str, Mapping[str, str]] | None = None,
    ) -> str:
        """Record a send's outcome; what came of it in a word, see record.lua.

        `identity` is the person's, whom other campaigns leave alone while they are capped; `suppress` is whom to put on
        the suppression list with it: their identity, and what is known of that.
        """
        suppressed, known = suppress or ("", {})
        who = self._pseudonyms.of(identity) if identity and outcome.capped_ms else ""
        word = self._scripts.run(
            "record", ticket.instance, ticket.campaign, ticket.number, ticket.batch, ticket.run,
            outcome.status.value, may_follow(outcome.status, ANSWER_AFTER), outcome.message_id, KEEP_ID_S,
            "" if outcome.due_ms is None else outcome.due_ms, outcome.rest_ms, outcome.holds,
            outcome.reason, outcome.detail, "" if outcome.counts else "1", outcome.answer,
            suppressed, json.dumps(dict(known), ensure_ascii=False), outcome.capped_ms,
            outcome.halts_after, outcome.because, outcome.rests, self._default_app, who,
        )  # fmt: skip
        return str(word)

    def settle(
        self,
        instance: str,
        receipts: Sequence[Receipt],
        *,
        account: str | None = None,
        because: Callable[[Refused], str] = _reason,
    ) -> list[Settled]:
        """Apply receipts in whatever order they came, in one round trip; what became of each.

        `account` is what Meta calls the instance's, kept for `Lanes.of_account`; `because` what a campaign says that is
        paused after several that fit nobody.
        """
        firsts = range(0, len(receipts), SETTLED_AT_ONCE)
        chunks = [receipts[first : first + SETTLED_AT_ONCE] for first in firsts]
        calls = [[field for receipt in chunk for field in _fields(receipt, because)] for chunk in chunks]
        rows = (
            row
            for rows in self._scripts.run_each("settle", instance, PARK_S, KEEP_ID_S, account or "", each=calls)
            for row in rows
        )
        found = zip(receipts, rows, strict=True)
        return [Settled(receipt, word, *_ref(ref), news) for receipt, (word, ref, news) in found]

    def heeded(self, instance: str, news: Sequence[str]) -> None:
        """Note that these news are acted on; see `Settled.news`."""
        self._scripts.run("heeded", instance, *news)

    def recent(self, instance: str) -> str:
        """How the lane's last messages fared, newest first: "a" acknowledged, "e" failed without an explanation."""
        return "".join(self._scripts.ask(lambda: self._scripts.client.lrange(key("recent", instance), 0, -1)))

    def defer(self, contacts: Sequence[Deferral]) -> list[bool]:
        """Try contacts again later that receipts say have failed, in two round trips; False where that cannot be."""
        capped = [(one.campaign, one.number) for one in contacts if one.most_times]
        phones = dict(zip(capped, self._phones(capped), strict=True)) if capped else {}
        each = [
            (
                one.campaign, one.number, one.in_ms, one.most_attempts, one.most_times,
                self._who(phones.get(one.contact)), one.growth, one.most_grown,
            )
            for one in contacts
        ]  # fmt: skip
        return [bool(done) for done in self._scripts.run_each("defer", each=each)]

    def phones(self, contacts: Sequence[tuple[str, int]]) -> list[str]:
        """The numbers of contacts, each named by its campaign and its own number; who is gone is left out."""
        return [phone for phone in self._phones(contacts) if phone is not None]

    def _phones(self, contacts: Sequence[tuple[str, int]]) -> list[str | None]:
        def ask() -> list[str | None]:
            with self._scripts.client.pipeline(transaction=False) as pipe:
                for campaign, number in contacts:
                    pipe.hget(key("contact", campaign, number), "phone")
                return list(pipe.execute())

        return list(self._scripts.ask(ask))

    def _who(self, phone: str | None) -> str:
        """What stands for whose number it is; "" for nobody, or who was forgotten."""
        return self._pseudonyms.of(identity_of(phone)) if phone and phone.isdecimal() else ""

    def give_up_strays(self) -> int:
        """Count the ids of receipts that were parked long enough and that nobody knew; return how many there were."""
        return int(self._scripts.run("stray"))

    def unknown(self) -> int:
        """How many ids of receipts nobody ever knew, since the beginning."""
        return int(self._scripts.ask(lambda: self._scripts.client.get(key("unknown"))) or 0)

    def doubts(
        self, instance: str, message_id: str, *, since_ms: int, departed: tuple[int, int] | None = None
    ) -> list[Doubt]:
        """The contacts of which an echo with this id may tell; none when the id is known already.

        Those not on the wire any more departed in the last `since_ms`, and (`departed`) between these two moments.
        """
        earliest, upto = map(str, departed or ("-inf", "+inf"))
        found: dict[tuple[str, int], Doubt] = {}
        is_first = "1"
        while upto:
            rows, upto = self._scripts.run(
                "doubts", instance, message_id, since_ms, earliest, upto, DOUBTS_AT_ONCE, is_first
            )
            is_first = ""
            for campaign, number, at, phone, values in rows:
                found[campaign, number] = Doubt(campaign, number, at, phone, _values(values))
        return list(found.values())

    def recognise(self, instance: str, message_id: str) -> str:
        """Say that the contact who goes by this id already was sent to, if nobody knew. See recognise.lua."""
        return str(self._scripts.run("recognise", instance, message_id, may_follow(Status.SENT)))

    def adopt(self, instance: str, doubt: Doubt, message_id: str) -> str:
        """Say that the contact's message left under this id, and apply what was parked for it. See adopt.lua."""
        word = self._scripts.run(
            "adopt", instance, doubt.campaign, doubt.number, message_id, may_follow(Status.SENT), KEEP_ID_S
        )
        return str(word)

    def page(
        self, campaign: str, *, status: Status | None, reason: str | None, after: int, limit: int
    ) -> tuple[list[tuple[int, Mapping[str, str]]], int]:
        """Some contacts in their order, each with its number and its fields, and the number to go on after (-1: none).

        A page may be short although there are more: one call looks at `LOOKED_AT` contacts at the most.
        """
        only = status.value if status else ""
        rows, last = self._scripts.run("list", campaign, only, reason or "", after, limit, LOOKED_AT)
        return [(number, pairs(flat)) for number, flat in rows], last

    def next_of(self, campaign: str, count: int) -> list[tuple[int, Mapping[str, str]]]:
        """The contacts that leave first of those that wait for their lane."""
        numbers = self._scripts.ask(lambda: self._scripts.client.lrange(key("pending", campaign), 0, count - 1))
        found = self.some(campaign, [int(number) for number in numbers])
        return [(number, fields) for number, fields in found if fields]

    def outcomes(self, campaign: str, *, first: int, count: int) -> list[Sequence[str]]:
        """What became of some contacts, from number `first` on; none at the end. See outcomes.lua."""
        return list(self._scripts.run("outcomes", campaign, first, count))

    def moments(self, campaign: str, *, first: int, last: int, every: int) -> dict[int, dict[Status, int]]:
        """When contacts came to rest, by number and status, Unix ms: every so many from `first` up to `last`."""
        statuses = [status.value for status in MOMENTS]
        rows = self._scripts.run("moments", campaign, first, last, every, *statuses)
        return {
            number: {status: int(at) for status, at in zip(MOMENTS, row, strict=True) if at} for number, *row in rows
        }

    def find(
        self,
        campaign: str,
        digits: str,
        *,
        first: int,
        last: int,
        status: Status | None = None,
        reason: str | None = None,
    ) -> list[int]:
        """The numbers from `first` up to `last` of the contacts in whose phone the digits are, as `page` chooses."""
        only = status.value if status else ""
        return list(self._scripts.run("find", campaign, digits, first, last, only, reason or ""))

    def some(self, campaign: str, numbers: Sequence[int]) -> list[tuple[int, Mapping[str, str]]]:
        """These contacts, each with its number and its fields."""

        def ask() -> list[Mapping[str, str]]:
            with self._scripts.client.pipeline(transaction=False) as pipe:
                for number in numbers:
                    pipe.hgetall(key("contact", campaign, number))
                return list(pipe.execute())

        return list(zip(numbers, self._scripts.ask(ask), strict=True))


def _fields(receipt: Receipt, because: Callable[[Refused], str]) -> tuple[str | int, ...]:
    misfit = receipt.means if isinstance(receipt.means, Refused) and receipt.means.halts_after else None
    return (
        receipt.message_id, receipt.status.value, may_follow(receipt.status), receipt.reason or "",
        receipt.detail or "", "1" if receipt.is_unexplained else "", _PAUSED_FROM if receipt.halts else "",
        receipt.reference or "", misfit.halts_after if misfit else 0, because(misfit) if misfit else "",
    )  # fmt: skip


def _ref(ref: str) -> tuple[str, int]:
    campaign, _, number = ref.rpartition(":")
    return campaign, int(number or -1)


def _values(text: str | None) -> Mapping[str, str]:
    values: Mapping[str, str] = json.loads(text) if text else {}
    return values


def may_follow(status: Status, table: Mapping[Status, frozenset[Status]] = COMES_AFTER) -> str:
    """The statuses that `status` may follow, as the scripts take them."""
    return ",".join(sorted(before.value for before in table[status]))
