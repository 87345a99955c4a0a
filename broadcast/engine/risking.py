"""What people who send much say gets a number blocked, looked for in a campaign before it starts.

Heuristics, and labelled so: WhatsApp publishes no figures, and none of this is a promise either way. They are about
gateways that drive a telephone's own session; Meta's own API has rules of its own, and says when it will not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from broadcast.domain.campaign import Order
from broadcast.domain.filling import varies
from broadcast.domain.optout import mentions
from broadcast.pacing import Load, Rules

#: The same words to more people than this are told of; to so few, they may be a note to a team.
SAME_TO = 50
#: An opt-out hint is asked for from so many people on.
HINT_FROM = 10
#: A number is new for so many days: the last step but one of the usual warm-up, whose caps grow until then.
NEW_DAYS = 15
#: Departures closer together than this on average, ms, are fast. The gateways' own advice begins at 10 to 30 s (UAZAPI,
#: WAHA), and an open-source CRM with the same gateways sends campaigns at one in 5 s.
FAST_MS = 5000


@dataclass(frozen=True, kw_only=True)
class Risk:
    """Something that is said to raise the risk of a block. `code` is for programs, `text` for people."""

    code: str
    text: str


def risks(
    order: Order, rules: Rules, *, queued: int, today: date, words: Collection[str], is_official: bool
) -> Iterator[Risk]:
    """The risks of an order that would be sent to so many. `words` are those that opt somebody out.

    `is_official`: it goes through Meta's own API, so that only the opt-out hint is looked for. What a template says is
    with Meta, so nothing is said of the text of one.
    """
    if not is_official:
        yield from _of_pace(order, rules, queued=queued, today=today)
    if order.content.template is not None:
        return
    if not is_official and queued > SAME_TO and not varies(order.content.text):
        yield Risk(
            code="same_text",
            text=(
                f"{queued} people would get exactly the same. Vary it ([[Oi|Olá]]), "
                "or address each person ({{name|…}})."
            ),
        )
    if queued >= HINT_FROM and not mentions(order.content.text, words):
        yield Risk(
            code="no_opt_out",
            text="The text does not say how to opt out (such as: reply SAIR to leave). Who cannot leave reports.",
        )


def _of_pace(order: Order, rules: Rules, *, queued: int, today: date) -> Iterator[Risk]:
    pace = Load(left=queued, priority=order.priority, gap_ms=order.gap_ms, jitter_ms=order.jitter_ms).under(rules)
    mean_s = (pace.gap_ms + pace.jitter_ms / 2) / 1000
    is_fast = queued > 1 and mean_s * 1000 < FAST_MS
    if is_fast:
        text = (
            f"One message every {mean_s:g} s is faster than the {FAST_MS // 1000} s that others keep to at the least."
        )
        yield Risk(code="fast_pace", text=text)
    if rules.warm_up_since is not None:
        age = max((today - rules.warm_up_since).days, 0)
        if age < NEW_DAYS:
            yield Risk(code="new_number", text=f"The number is {age} days old: young numbers are blocked sooner.")
    elif is_fast and queued > SAME_TO:
        yield Risk(
            code="unknown_age",
            text="Nobody said how old the number is (warmUp of the instance), and the pace would be high.",
        )
