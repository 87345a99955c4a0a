"""The registry of instances in Redis: a hash each, whose `version` tells that something is new."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, time
from typing import Any

from broadcast.domain.instance import Instance
from broadcast.pacing import Rules, Window
from broadcast.store.keys import key
from broadcast.store.scripts import Scripts

#: Instances that are asked about in one round trip.
ASKED_AT_ONCE = 500


class Instances:
    """Instances that somebody registered; every other one has no rules and the settings' gateway."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def find(self, instance: str) -> Instance | None:
        """The instance as it was last registered; None for one that never was."""
        return instance_of(instance, self._scripts.ask(lambda: self._scripts.client.hgetall(key("instance", instance))))

    def rules(self, instance: str) -> Rules:
        """The instance's own rules; none but the defaults for one that was never registered."""
        text = self._scripts.ask(lambda: self._scripts.client.hget(key("instance", instance), "rules"))
        return rules_of({"rules": text} if text else {})

    def keep(self, instance: Instance, rules: Rules, *, names: Collection[str] = ()) -> int:
        """Replace all that is kept of the instance, and return its new version; 1 for the first.

        `names` are what its gateway's webhooks call it by.
        """
        fields: dict[str, str] = {
            "dialect": instance.dialect or "",
            "url": instance.url,
            "open_credentials": json.dumps(dict(instance.open_credentials)),
            "secret_names": json.dumps(sorted(instance.secret_names)),
            "sealed": instance.sealed,
            "check_numbers": {True: "1", False: "0", None: ""}[instance.check_numbers],
            "rules": json.dumps(_as_json(rules)),
        }
        flat = (item for pair in fields.items() for item in pair)
        return int(self._scripts.run("keep", instance.id, ",".join(sorted(names)), *flat))

    def names(self, instance: str) -> frozenset[str]:
        """What is kept of an instance as its names: what webhooks call it by, and the groups that it is in."""
        kept = self._scripts.ask(lambda: self._scripts.client.hget(key("instance", instance), "names"))
        return frozenset(filter(None, (kept or "").split(",")))

    def is_by_default(self, instance: str) -> bool:
        """Whether an instance has sent, or has rules, without being registered with a gateway."""
        return bool(self._scripts.ask(lambda: self._scripts.client.sismember(key("by_default"), instance)))

    def named(self, name: str) -> frozenset[str]:
        """The instances that a gateway's webhooks call so."""
        return frozenset(self._scripts.ask(lambda: self._scripts.client.smembers(key("named", name))))

    def unnamed(self, instances: Sequence[str]) -> list[str]:
        """Which of these were registered before it was kept what their gateways call them."""
        found: list[str] = []
        for first in range(0, len(instances), ASKED_AT_ONCE):
            some = instances[first : first + ASKED_AT_ONCE]
            with self._scripts.client.pipeline(transaction=False) as pipe:
                for instance in some:
                    pipe.hmget(key("instance", instance), "dialect", "names")
                kept = self._scripts.ask(pipe.execute)
            found += [one for one, (dialect, names) in zip(some, kept, strict=True) if dialect and names is None]
        return found

    def name(self, instance: str, names: Collection[str]) -> bool:
        """Let one of them be found by its names; False where somebody registered it again meanwhile."""
        return bool(self._scripts.run("name", instance, ",".join(sorted(names))))


#: as it is kept -> what was asked for
_FLAGS = {"1": True, "0": False}


def instance_of(name: str, kept: Mapping[str, str]) -> Instance | None:
    """The instance whose hash it is; None for an empty one."""
    if not kept:
        return None
    return Instance(
        id=name,
        dialect=kept["dialect"] or None,
        url=kept["url"],
        open_credentials=json.loads(kept["open_credentials"]),
        secret_names=frozenset(json.loads(kept["secret_names"])),
        sealed=kept["sealed"],
        check_numbers=_FLAGS.get(kept.get("check_numbers", "")),
        version=int(kept["version"]),
    )


def rules_of(kept: Mapping[str, str]) -> Rules:
    """The rules in an instance's hash; none but the defaults for an empty one."""
    return _rules_of(json.loads(kept["rules"])) if kept else Rules()


def _as_json(rules: Rules) -> dict[str, Any]:
    """As a script may read them as well: ms, departures a day, "HH:MM", 0 for Monday, and an ISO date."""
    window = rules.window
    return {
        "gap_ms": rules.gap_ms,
        "jitter_ms": rules.jitter_ms,
        "daily_cap": rules.daily_cap,
        "window": window
        and {
            "start": window.start.isoformat("minutes"),
            "end": window.end.isoformat("minutes"),
            "zone": window.zone,
            "days": sorted(window.days),
        },
        "warm_up_since": rules.warm_up_since and rules.warm_up_since.isoformat(),
    }


def _rules_of(kept: dict[str, Any]) -> Rules:
    window, since = kept["window"], kept["warm_up_since"]
    return Rules(
        gap_ms=kept["gap_ms"],
        jitter_ms=kept["jitter_ms"],
        daily_cap=kept["daily_cap"],
        window=window
        and Window(
            start=time.fromisoformat(window["start"]),
            end=time.fromisoformat(window["end"]),
            zone=window["zone"],
            days=frozenset(window["days"]),
        ),
        warm_up_since=since and date.fromisoformat(since),
    )
