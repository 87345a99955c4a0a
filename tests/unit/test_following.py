"""Who follows is shown only what is news, however often they lose the connection, and never an older state."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from broadcast.engine.following import Follower, Moment


def moment(revision: int, at_ms: int, gist: str = "", of: str = "c1") -> Moment:
    return Moment(
        of=of, revision=revision, at_ms=at_ms, text=f"{revision} {gist} at {at_ms}", gist=f"{revision} {gist}"
    )


#: What became of a campaign, in order: does the revision grow, and what holds it.
HISTORIES = st.lists(st.tuples(st.booleans(), st.sampled_from("ab")), min_size=1, max_size=12)


def lived(history: list[tuple[bool, str]]) -> list[Moment]:
    moments, revision = [], 1
    for at_ms, (grows, gist) in enumerate(history):
        revision += grows
        moments.append(moment(revision, at_ms, gist))
    return moments


@given(HISTORIES, st.data())
def test_nothing_older_is_shown_over_any_number_of_connections(
    history: list[tuple[bool, str]], data: st.DataObject
) -> None:
    moments = lived(history)
    shown: list[Moment] = []
    follower = Follower()
    # Whatever a process has kept may come at any time, twice and late; a connection may be lost at any time.
    for step in data.draw(st.lists(st.one_of(st.none(), st.sampled_from(moments)), max_size=30)):
        if step is None:
            follower = Follower(max((one.revision for one in shown), default=0))
        else:
            shown += follower.news([step])
    shown += follower.news([moments[-1]])

    revisions = [one.revision for one in shown]
    assert revisions == sorted(revisions)
    assert shown[-1].revision == moments[-1].revision


@given(HISTORIES, st.data())
def test_the_last_moment_is_what_is_shown_in_the_end(history: list[tuple[bool, str]], data: st.DataObject) -> None:
    moments = lived(history)
    follower, shown = Follower(), []
    for step in [*data.draw(st.lists(st.sampled_from(moments), max_size=30)), moments[-1]]:
        shown += follower.news([step])

    assert shown[-1].gist == moments[-1].gist
    assert all(one.gist != next_one.gist for one, next_one in itertools.pairwise(shown))


def test_the_same_revision_is_news_when_it_says_something_else() -> None:
    follower = Follower()
    assert len(follower.news([moment(5, 1, "running")])) == 1
    assert follower.news([moment(5, 2, "running")]) == []
    assert len(follower.news([moment(5, 3, "no worker")])) == 1


def test_an_older_look_at_the_same_revision_is_no_news() -> None:
    follower = Follower()
    follower.news([moment(5, 3, "no worker")])
    assert follower.news([moment(5, 2, "running")]) == []


def test_who_comes_back_is_shown_the_present_state_unless_it_is_older() -> None:
    assert Follower(7).news([moment(6, 9)]) == []
    assert len(Follower(7).news([moment(7, 9)])) == 1
    assert len(Follower(7).news([moment(8, 9)])) == 1


def test_each_of_a_list_is_followed_by_itself() -> None:
    follower = Follower()
    first = [moment(900, 1, of="c1"), moment(3, 1, of="c2")]
    assert follower.news(first) == first
    assert follower.news([moment(900, 2, of="c1"), moment(4, 2, of="c2")]) == [moment(4, 2, of="c2")]
