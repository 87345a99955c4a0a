"""Server-sent events: what is followed, written for one client until it is done, has left, or minutes have passed."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import cast

from flask import Response, current_app, request

from broadcast.api import auth
from broadcast.api.live import TICK_S, Live
from broadcast.api.looks import Lanes, Newest, OneCampaign, Subject
from broadcast.engine.following import Follower, Moment

#: Something is written at least so often: it finds out who has left, and keeps proxies from hanging up.
HEARTBEAT_S = 15.0
#: Whether the client's key still is one is asked so often: a revoked one is out within `auth.REVOKED_S`.
ASK_S = auth.REVOKED_S - auth.BELIEVED_S
#: A stream ends after about so long; its client comes back, to another process perhaps.
LIFE_S = 300.0
#: A campaign that is done, and has not changed for so long, is at its end.
QUIET_S = 30.0
#: A client that does not take what is written for so long has left.
TAKE_S = 20.0
#: A client comes back so soon, in ms.
RETRY_MS = 1000
#: kind of list -> its name in the answer
LISTS: Mapping[type[Subject], str] = {Newest: "campaigns", Lanes: "instances"}
#: How OpenAPI shows a stream.
EVENTS = {"200": {"description": "Events", "content": {"text/event-stream": {"schema": {"type": "string"}}}}}


def campaign(id_: str) -> Response:
    """One campaign's events. Who has seen the end is told not to come back (204) unless something is new."""
    revision, saw_end = _last_seen()
    subject = OneCampaign(id_)
    moments = _live().look(subject)
    if saw_end and all(moment.is_done and moment.revision == revision for moment in moments):
        return Response(status=204)
    return _respond(subject, moments, revision)


def campaigns() -> Response:
    """The newest campaigns that the caller may see: all of them first, then those that change."""
    return _list(Newest(auth.caller().instances))


def instances() -> Response:
    """The instances that the caller may use: all of them first, then those that change."""
    return _list(Lanes(auth.caller().instances))


def _list(subject: Subject) -> Response:
    return _respond(subject, _live().look(subject), 0)


def _live() -> Live:
    return cast(Live, current_app.extensions["live"])


def _last_seen() -> tuple[int, bool]:
    """The revision in Last-Event-ID (0: none of ours), and whether the end was seen with it."""
    found = re.fullmatch(r"(\d{1,18})(\.end)?", request.headers.get("Last-Event-ID", ""), re.ASCII)
    return (int(found[1]), found[2] is not None) if found else (0, False)


def _respond(subject: Subject, moments: Sequence[Moment], revision: int) -> Response:
    """The stream, as long as there is room for one more; who asks for the head alone takes none."""
    if request.method == "HEAD":
        return Response(mimetype="text/event-stream")
    live = _live()
    caller = None if auth.caller() is auth.ANYBODY else auth.caller().name
    live.open(subject, caller=caller)
    room = ExitStack()
    room.callback(live.leave, subject, caller=caller)
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(TAKE_S)
    headers = {"X-Accel-Buffering": "no"}  # nginx would keep the events to itself
    events = write(live, subject, moments, revision, is_welcome=auth.welcome())
    answer = Response(events, mimetype="text/event-stream", headers=headers)
    answer.call_on_close(room.close)  # also where the client left before the first event
    return answer


def write(
    live: Live, subject: Subject, moments: Sequence[Moment], revision: int, *, is_welcome: Callable[[], bool]
) -> Iterator[str]:
    """The events from these moments on, for a client that was shown this revision, until its key is revoked.

    Always the latest is written, never what a slow client missed, so nothing piles up.
    """
    follower, last_id = Follower(revision), revision
    written_at = news_at = asked_at = time.monotonic()
    ends_at = written_at + LIFE_S * random.uniform(0.8, 1)  # noqa: S311 - so that not all come back at once
    yield f"retry: {RETRY_MS}\n\n"
    if not moments and not isinstance(subject, OneCampaign):
        yield _event(subject, (), None)  # an empty list is an answer as well
    while (now := time.monotonic()) < ends_at and not live.is_closed:
        if now - asked_at >= ASK_S:
            if not is_welcome():
                return
            asked_at = now
        if news := follower.news(moments):
            id_ = _id(subject, news)
            yield _event(subject, news, id_ if id_ > last_id else None)
            last_id, written_at, news_at = max(id_, last_id), now, now
            live.rest(TICK_S)
        elif now - written_at >= HEARTBEAT_S:
            yield ": nothing new\n\n"
            written_at = now
        if isinstance(subject, OneCampaign) and now - news_at >= QUIET_S and all(moment.is_done for moment in moments):
            yield f"event: end\nid: {last_id}.end\ndata: {{}}\n\n"
            return
        moments = live.wait(subject, moments, max(min(written_at + HEARTBEAT_S, asked_at + ASK_S) - now, 0))


def _id(subject: Subject, news: Sequence[Moment]) -> int:
    """A campaign's revision; of a list, which is shown whole to whoever comes back, the time by Redis's clock."""
    return max(moment.revision if isinstance(subject, OneCampaign) else moment.at_ms for moment in news)


def _event(subject: Subject, news: Sequence[Moment], id_: int | None) -> str:
    """One event; without an id where the same revision looks different now."""
    texts = ",".join(moment.text for moment in news)
    data = texts if isinstance(subject, OneCampaign) else f'{{"{LISTS[type(subject)]}":[{texts}]}}'
    return (f"id: {id_}\n" if id_ is not None else "") + f"data: {data}\n\n"
