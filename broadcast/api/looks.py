"""What may be followed, and how it is looked at: one round trip to Redis for all that is followed of a kind."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broadcast.api import answers, asking
from broadcast.domain.campaign import Progress, State
from broadcast.engine import telling
from broadcast.engine.following import Moment
from broadcast.pacing import Rules
from broadcast.wiring import Services

#: A list shows so many campaigns.
MOST_LISTED = 50
#: Answers that differ in these alone say the same: they change by the mere passing of time.
DRIFTING = frozenset({"expectedFinishAt", "sendsPerMinute"})
#: Campaigns in these do not change any more unless a receipt or a person changes them.
DONE = frozenset({State.COMPLETED, State.CANCELLED})


@dataclass(frozen=True)
class OneCampaign:
    """A single campaign is followed."""

    id: str


@dataclass(frozen=True)
class Newest:
    """The newest campaigns are followed, of these instances (None: of all)."""

    instances: frozenset[str] | None


@dataclass(frozen=True)
class Lanes:
    """Instances are followed, these (None: all that ever had a campaign)."""

    instances: frozenset[str] | None


Subject = OneCampaign | Newest | Lanes


class Looks:
    """Looks again and again, and remembers what it saw, so that only what changed is read."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._zone = services.settings.default_time_zone
        self._campaigns: dict[str, Moment] = {}
        self._listed: dict[Newest, list[str]] = {}
        self._lanes: dict[Lanes, Sequence[Moment]] = {}
        self._rules: dict[str, Rules] = {}

    def at(self, subjects: Collection[Subject], *, anew: bool) -> dict[Subject, Sequence[Moment]]:
        """The subjects as they stand now. Raises Unavailable.

        `anew`: look as well at what changes without a revision, such as holds, instances, and what the newest are.
        """
        if anew:
            self._rules.clear()
        listed = [subject for subject in subjects if isinstance(subject, Newest)]
        lanes = [subject for subject in subjects if isinstance(subject, Lanes)]
        seen_now = self._list([subject for subject in listed if anew or subject not in self._listed])
        self._glance(self._followed(subjects), seen_now, anew=anew)
        self._look_at_lanes([subject for subject in lanes if anew or subject not in self._lanes])
        return {subject: self._of(subject) for subject in subjects}

    def _list(self, lists: Sequence[Newest]) -> set[str]:
        seen_now = set()
        for subject in lists:
            found = telling.newest(
                self._services.store,
                instances=subject.instances,
                limit=MOST_LISTED,
                rules_of=self._rules_of,
                zone=self._zone,
            )
            self._campaigns.update({progress.id: _campaign(progress) for progress in found})
            self._listed[subject] = [progress.id for progress in found]
            seen_now |= set(self._listed[subject])
        return seen_now

    def _followed(self, subjects: Collection[Subject]) -> set[str]:
        alone = {subject.id for subject in subjects if isinstance(subject, OneCampaign)}
        listed = (self._listed[subject] for subject in subjects if isinstance(subject, Newest))
        return alone.union(*listed)

    def _glance(self, followed: Collection[str], seen_now: Collection[str], *, anew: bool) -> None:
        self._campaigns = {id_: moment for id_, moment in self._campaigns.items() if id_ in followed}
        known = {id_: self._known(id_, anew=anew) for id_ in followed if id_ not in seen_now}
        found = telling.glance(self._services.store, known, rules_of=self._rules_of, zone=self._zone)
        for id_, progress in found.items():
            if progress is None:
                self._campaigns.pop(id_, None)
            else:
                self._campaigns[id_] = _campaign(progress)

    def _known(self, campaign: str, *, anew: bool) -> int | None:
        moment = self._campaigns.get(campaign)
        return None if moment is None or (anew and not moment.is_done) else moment.revision

    def _look_at_lanes(self, subjects: Sequence[Lanes]) -> None:
        wanted = {subject: self._instances(subject) for subject in subjects}
        names = sorted(set().union(*wanted.values()))
        found = asking.instances_of(self._services, names)
        moments = {name: _lane(name, *shown) for name, shown in zip(names, found, strict=True)}
        self._lanes.update({subject: [moments[instance] for instance in names] for subject, names in wanted.items()})

    def _instances(self, subject: Lanes) -> Sequence[str]:
        return self._services.store.lanes.instances() if subject.instances is None else sorted(subject.instances)

    def _rules_of(self, instance: str) -> Rules:
        if instance not in self._rules:
            self._rules[instance] = self._services.store.instances.rules(instance)
        return self._rules[instance]

    def _of(self, subject: Subject) -> Sequence[Moment]:
        if isinstance(subject, Lanes):
            return self._lanes[subject]
        ids = [subject.id] if isinstance(subject, OneCampaign) else self._listed[subject]
        return [self._campaigns[id_] for id_ in ids if id_ in self._campaigns]


def _campaign(progress: Progress) -> Moment:
    answer = answers.status(progress)
    return Moment(
        of=progress.id,
        revision=progress.revision,
        at_ms=progress.at_ms,
        text=_json(answer),
        gist=_json({name: value for name, value in answer.items() if name not in DRIFTING}),
        is_done=progress.state in DONE,
    )


def _lane(instance: str, answer: Mapping[str, Any], at_ms: int) -> Moment:
    text = _json(answer)
    return Moment(of=instance, at_ms=at_ms, text=text, gist=text)


def _json(answer: Mapping[str, Any]) -> str:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
