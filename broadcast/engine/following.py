"""Following: which of the moments that come along, perhaps twice or out of order, are news to who follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A campaign, or an instance, at one instant, whole: whoever missed the moments before needs none of them."""

    of: str  #: its id
    revision: int = 0  #: grows with every change of a campaign's tally or state; an instance has none
    at_ms: int  #: the instant, by Redis's clock
    text: str  #: the answer that shows it
    gist: str  #: the same without what drifts by itself; equal gists say the same
    is_done: bool = False  #: nothing is left to send


@dataclass
class Follower:
    """What one who follows was shown: nothing older is news, and nothing that says the same.

    `revision` is the one that they were shown before they lost the connection.
    """

    revision: int = 0
    _shown: dict[str, Moment] = field(default_factory=dict)

    def news(self, moments: Iterable[Moment]) -> list[Moment]:
        """Those of the moments that are news; they count as shown from now on."""
        fresh = [moment for moment in moments if self._is_news(moment)]
        self._shown.update({moment.of: moment for moment in fresh})
        return fresh

    def _is_news(self, moment: Moment) -> bool:
        shown = self._shown.get(moment.of)
        if shown is None:
            return moment.revision >= self.revision
        if (moment.revision, moment.at_ms) <= (shown.revision, shown.at_ms):
            return False
        return moment.revision > shown.revision or moment.gist != shown.gist
