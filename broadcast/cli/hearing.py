"""Whether news get through: ours to the CRM, and the gateways' to us."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from broadcast.cli.reaching import stored
from broadcast.domain.finding import Finding, error, ok, warning
from broadcast.gateways.catalogue import DIALECTS
from broadcast.settings import Settings
from broadcast.store.callbacks import Failing
from broadcast.store.lanes import LaneLook
from broadcast.wiring import Gateways

#: A callback that failed so often in a row is told of; the first failures are tried again within seconds.
FAILURES = 3
#: A receipt comes within seconds: so long after the last departure, or after so many, there should have been one.
SILENT_MS, SILENT_AFTER = 60_000, 20
#: So many of a kind are named, and the others are counted.
MOST_NAMED = 10


def look_at_callbacks(settings: Settings) -> list[Finding]:
    """Whether what the CRM is to be told leaves, and arrives."""
    with stored(settings) as store:
        waiting, workers = store.callbacks.tally()["waiting"], store.workers.alive("callbacks")
        return judge_callbacks(store.callbacks.failing(failures=FAILURES), waiting=waiting, workers=workers)


def judge_callbacks(failing: Sequence[Failing], *, waiting: int, workers: int) -> list[Finding]:
    """What is to be said of callbacks: hosts that take none, and those that wait with nobody to deliver them."""
    found = [_failing(one) for one in failing[:MOST_NAMED]]
    if len(failing) > MOST_NAMED:
        found.append(warning("callbacks", f"{len(failing) - MOST_NAMED} more hosts take none", "Begin with the above."))
    if waiting and not workers:
        remedy = "Start a worker for the queue `callbacks`; none is lost for a day."
        return [error("callbacks", f"{waiting} wait, and nobody delivers them", remedy), *found]
    return found or [ok("callbacks", f"{waiting} wait" if waiting else "none waits")]


def _failing(one: Failing) -> Finding:
    why = one.error or f"answered {one.http}"
    text = (
        f"{one.host} has not taken one for {one.failures} times in a row: {why}; campaigns concerned: {one.campaigns}"
    )
    address = f"/campaigns/{one.campaign}/callbacks"
    return warning("callbacks", text, f"Look at the CRM's log and at GET {address}; after a day they are given up.")


def look_at_webhooks(settings: Settings) -> list[Finding]:
    """Whether each instance that has sent ever had a receipt."""
    with stored(settings) as store:
        names = store.lanes.instances()
        silent = [name for name, look in zip(names, store.lanes.looks(names), strict=True) if is_silent(look)]
        unsigned = store.webhooks.tally().get("unsigned", 0) if silent else 0
        gateways = Gateways(settings, store.instances.find)
        return judge_webhooks(
            silent, unsigned=unsigned, port=settings.webhook_port, dialect_of=lambda name: gateways.door(name).dialect
        )


def is_silent(look: LaneLook) -> bool:
    """Whether the gateway has taken messages for a while and never told what became of any."""
    lane: Mapping[str, str] = look.fields
    if look.recent or "heard" in lane or "hold" in lane or lane.get("answer") != "accepted":
        return False
    return int(lane.get("used", 0)) >= SILENT_AFTER or look.now_ms - int(lane.get("left", 0)) >= SILENT_MS


def judge_webhooks(
    silent: Sequence[str], *, unsigned: int, port: int, dialect_of: Callable[[str], str]
) -> list[Finding]:
    """What is to be said of instances that are `silent`; `unsigned` are calls that did not carry the secret."""
    if not silent:
        return [ok("webhooks", "no instance that has sent lacks receipts")]
    strangers = f"; {unsigned} calls so far did not carry the secret" if unsigned else ""
    found = []
    for name in silent[:MOST_NAMED]:
        spoken = DIALECTS[dialect_of(name)].webhook
        text = f"{name} has sent, and no webhook call ever told what became of a message{strangers}"
        where = f"/webhooks/{spoken}/{name}"
        remedy = f"Register this host's port {port}, {where}, with its secret at the gateway: docs/howto/{spoken}.md."
        found.append(warning("webhooks", text, remedy))
    if len(silent) > MOST_NAMED:
        found.append(warning("webhooks", f"the same of {len(silent) - MOST_NAMED} more", "Begin with the above."))
    return found
