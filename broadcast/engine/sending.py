"""Sending one contact: ask the fence, leave on time, and record what the gateway answered."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from broadcast.domain.campaign import Campaign
from broadcast.domain.contact import Status
from broadcast.domain.content import Content, fill, too_long
from broadcast.domain.optout import Source
from broadcast.domain.phone import identity
from broadcast.engine.lining import Lines
from broadcast.engine.outcomes import outcome_of
from broadcast.engine.slowing import restrict_if_errors_tell, slow_down
from broadcast.engine.steering import halt
from broadcast.engine.steps import Reached, Step, pass_by
from broadcast.engine.suppressing import suppression
from broadcast.errors import Held, NotNow, Unavailable
from broadcast.gateways.base import Busy, Gateway, Message, Refused
from broadcast.store import Store
from broadcast.store.tickets import Back, Gone, Outcome, Person, Ticket, Wait

log = logging.getLogger(__name__)

#: The fence grants a departure this far ahead, so that the answer's way back costs no time on the lane. No further: a
#: departure that was granted can no longer be pushed by one before it that leaves late.
AHEAD_MS = 15
#: A task waits at the fence for so long; beyond it, the contact goes back to the lane and is planned anew.
PATIENCE_MS = 1000
#: Whoever is later than this for its departure, or had to wait longer for the answer, asks again, so that the gap to
#: the next one stays whole.
OVERSLEPT_S = 0.003
#: How much longer than the request's own time-out a contact may be on the wire before it counts as lost.
LEASE_SLACK_MS = 10_000
#: A Redis that cannot take an outcome is asked again this often, and for so long: nobody could send anything meanwhile.
RECORD_AGAIN_S, RECORD_FOR_S = 1.0, 600.0
#: So many campaigns are kept in memory, so that each send need not read its text again.
MOST_KEPT = 1000
#: So many answers in a row that leave unknown what became of their message are by a gateway that is not there: its lane
#: slows down with each.
UNKNOWNS = 5


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How hard to try: attempts per contact before it has failed, and seconds that one request may take."""

    max_attempts: int
    timeout_s: float

    @property
    def lease_ms(self) -> int:
        """How long a contact may be on the wire before it counts as lost."""
        return int(self.timeout_s * 1000) + LEASE_SLACK_MS


@dataclass(frozen=True)
class Sending:
    """The send engine of one worker. `clock` is monotonic seconds."""

    store: Store
    gateway_of: Callable[[str], Gateway]
    policy: Policy
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    reached: Reached = pass_by
    lines: Lines = field(default_factory=Lines)
    _campaigns: dict[tuple[str, str], Campaign] = field(default_factory=dict)

    def send(self, ticket: Ticket, *, quick_left: int, behind_ms: int = 0) -> str:
        """Send one contact if the fence lets it; return what became of it, in one word.

        `quick_left` is how often the caller will still call again at once: while it is above 0, a short fault raises
        NotNow and the batch keeps the contact. `behind_ms` is how much later than planned this was called.
        """
        person = self.store.contacts.person(ticket)
        campaign = self._campaign(ticket.campaign, person.digest) if person else None
        if person is None or campaign is None:
            return "gone"
        content = fill(campaign.content, person.values, variant=ticket.reference)
        gateway, message = self.gateway_of(ticket.instance), _message(ticket, content, person)
        departure = _Departure(
            self,
            ticket,
            identity=identity(person.phone),
            own_id=gateway.own_id(message),
            pair_ms=gateway.pair_ms,
            behind_ms=behind_ms,
        )
        over = too_long(content)  # of who was accepted by a version that did not measure
        try:
            answer = Refused("too_long", over) if over else gateway.send(message, departure=departure)
        except Held as held:
            return held.why
        self.reached(Step.ANSWERED)
        outcome = outcome_of(
            answer,
            # A gateway may have no answer before the fence was asked; that is an attempt as well.
            attempt=departure.attempt or (person.attempts + 1 if isinstance(answer, Busy) and answer.reached else 0),
            max_attempts=self.policy.max_attempts,
            quick_left=quick_left,
            on_unknown=campaign.on_unknown,
            capped=person.capped,
        )
        self._record(ticket, outcome, person, attempt=departure.attempt)
        if outcome.status is Status.BOOKED:
            raise NotNow(outcome.reason)
        return str(outcome.status.value)

    def _campaign(self, name: str, digest: str) -> Campaign | None:
        """The campaign, kept from the last time.

        Its digest is part of the key: an id may be used anew in an emptied Redis, and must not bring the old text back.
        """
        found = self._campaigns.get((name, digest)) or self.store.campaigns.find(name)
        if found is not None and (name, digest) not in self._campaigns:
            if len(self._campaigns) >= MOST_KEPT:
                self._campaigns.clear()
            self._campaigns[name, digest] = found
        return found

    def _record(self, ticket: Ticket, outcome: Outcome, person: Person, *, attempt: int) -> None:
        word = self._keep_recording(ticket, outcome, person)
        if word == "failed":
            restrict_if_errors_tell(self.store, ticket.instance)
        elif word == "halted":
            ids = {"action": "send", "campaign": ticket.campaign, "instance": ticket.instance}
            log.warning("paused by a receipt that came before the answer to its send", extra=ids)
        self._follow_up(ticket, outcome)
        level = logging.INFO if outcome.status is Status.SENT else logging.WARNING
        log.log(
            level,
            "%s%s%s",
            outcome.status.value,
            f" because {outcome.reason}" if outcome.reason else "",
            f" ({outcome.detail})" if outcome.detail else "",
            extra={
                "action": "send",
                "campaign": ticket.campaign,
                "contact": ticket.number,
                "instance": ticket.instance,
                "attempt": attempt,
            },
        )

    def _follow_up(self, ticket: Ticket, outcome: Outcome) -> None:
        """What the answer means for others than this contact."""
        is_lost = outcome.answer == "unknown" and self.store.lanes.unknowns(ticket.instance) >= UNKNOWNS
        if outcome.slows or is_lost:
            slow_down(self.store, ticket.instance, reason=outcome.reason)
        if outcome.halts:
            because = ": ".join(filter(None, (outcome.reason, outcome.detail)))
            halt(self.store, ticket.campaign, because, of=ticket.number)

    def _keep_recording(self, ticket: Ticket, outcome: Outcome, person: Person) -> str:
        """Record, and again while Redis cannot take it: an answer that is known must not end as unconfirmed.

        Whom upkeep has given up meanwhile, because the lease was over, is sent or failed after all.
        """
        until = self.clock() + RECORD_FOR_S
        who = identity(person.phone)
        suppress = suppression(person.phone, source=Source.ANSWER.at(ticket.instance)) if outcome.opts_out else None
        while True:
            try:
                return self.store.contacts.record(ticket, outcome, identity=who, suppress=suppress)
            except Unavailable as error:
                if self.clock() > until:
                    raise
                log.warning("the outcome is not recorded yet: %s", error, extra={"action": "send"})
                self.sleep(RECORD_AGAIN_S)


@dataclass
class _Departure:
    """The fence as the gateway meets it: open connection, nothing written yet. `attempt` is 0 until it said go."""

    sending: Sending
    ticket: Ticket
    identity: str
    own_id: str | None
    pair_ms: int
    behind_ms: int = 0
    attempt: int = 0
    due: float = 0.0  #: the moment of departure by the monotonic clock

    def attend(self) -> None:
        """Keep the contact while it is asked about; raise Held when it is not ours any more."""
        sending = self.sending
        if not sending.store.contacts.attend(self.ticket, lease_ms=sending.policy.lease_ms):
            raise Held("gone")

    def wait(self) -> None:
        """Return at the moment of departure; raise Held when the contact may not leave."""
        with self.sending.lines.first(self.ticket.instance):
            self._wait()

    def _wait(self) -> None:
        sending, has_waited = self.sending, False
        while True:
            asked = sending.clock()
            leave = sending.store.contacts.leave(
                self.ticket,
                identity=self.identity,
                own_id=self.own_id,
                ahead_ms=AHEAD_MS,
                patience_ms=PATIENCE_MS,
                lease_ms=sending.policy.lease_ms,
                pair_ms=self.pair_ms,
                has_waited=has_waited,
                behind_ms=self.behind_ms,
            )
            answered = sending.clock()
            if isinstance(leave, Back | Gone):
                raise Held(leave.why if isinstance(leave, Back) else "gone")
            wait_s = leave.wait_us / 1_000_000
            if isinstance(leave, Wait):
                sending.sleep(max(wait_s - AHEAD_MS / 2000, 0))
                has_waited = True
                continue
            self.attempt, self.due = leave.attempt, answered + wait_s
            sending.reached(Step.FENCED)
            sending.sleep(max(self.due - sending.clock(), 0))
            # The wait counts from some moment between asking and being answered; when those are far apart, nobody knows
            # how late it is.
            if answered - asked <= OVERSLEPT_S and self.is_now():
                return

    def is_now(self) -> bool:
        """Whether it still is the moment of departure; who was frozen may have lost the contact, and asks again."""
        return self.sending.clock() - self.due <= OVERSLEPT_S

    def left(self, at: float) -> None:
        """A write that came late pushes the lane's clock by as much, so that the next one keeps its whole gap."""
        self.sending.reached(Step.WRITTEN)
        late_s = at - self.due
        if late_s <= OVERSLEPT_S:
            return
        try:
            self.sending.store.contacts.slip(self.ticket, late_ms=math.ceil(late_s * 1000))
        except Unavailable as error:  # the request is written: its answer matters more than the lane's clock
            log.warning("the lane's clock was not pushed: %s", error, extra={"action": "send"})


def _message(ticket: Ticket, content: Content, person: Person) -> Message:
    return Message(
        instance=ticket.instance,
        phone=person.phone,
        kind=content.kind,
        text=content.text,
        media_url=content.media_url,
        template=content.template,
        reference=ticket.reference,
        edition=person.edition,
    )
