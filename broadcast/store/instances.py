"""The registry of instances in Redis: a hash each, whose `version` tells that something is new."""

from __future__ import annotations

import json
from datetime import date, time
from typing import Any

from broadcast.domain.instance import Instance
from broadcast.pacing import Rules, Window
from broadcast.store.keys import key
from broadcast.store.scripts import Scripts


class Instances:
    """Instances that somebody registered; every other one has no rules and the settings' gateway."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def find(self, instance: str) -> Instance | None:
        """The instance as it was last registered; None for one that never was."""
        found = self._scripts.ask(lambda: self._scripts.client.hgetall(key("instance", instance)))
        if not found:
            return None
        return Instance(
            id=instance,
            dialect=found["dialect"] or None,
            url=found["url"],
            open_credentials=json.loads(found["open_credentials"]),
            secret_names=frozenset(json.loads(found["secret_names"])),
            sealed=found["sealed"],
            version=int(found["version"]),
        )

    def rules(self, instance: str) -> Rules:
        """The instance's own rules; none but the defaults for one that was never registered."""
        text = self._scripts.ask(lambda: self._scripts.client.hget(key("instance", instance), "rules"))
        return _rules_of(json.loads(text)) if text else Rules()

    def keep(self, instance: Instance, rules: Rules) -> int:
        """Replace all that is kept of the instance, and return its new version; 1 for the first."""
        fields: dict[Any, Any] = {
            "dialect": instance.dialect or "",
            "url": instance.url,
            "open_credentials": json.dumps(dict(instance.open_credentials)),
            "secret_names": json.dumps(sorted(instance.secret_names)),
            "sealed": instance.sealed,
            "rules": json.dumps(_as_json(rules)),
        }

        def ask() -> int:
            with self._scripts.client.pipeline() as pipe:
                pipe.hset(key("instance", instance.id), mapping=fields)
                pipe.hincrby(key("instance", instance.id), "version", 1)
                return int(pipe.execute()[-1])

        return int(self._scripts.ask(ask))


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
