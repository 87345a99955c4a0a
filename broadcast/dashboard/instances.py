"""Instances as pages: what each lane does, what holds it, and a switch for the whole of it."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from broadcast.api import asking, auth, streams
from broadcast.dashboard import rights, wording
from broadcast.dashboard.blueprint import blueprint

#: So many instances are on a page.
PER_PAGE = 25


@blueprint.get("/instances")
def list_instances() -> ResponseReturnValue:
    """The instances that the caller may use, by name."""
    after = request.args.get("after", "")
    names = [name for name in asking.services().store.lanes.instances() if auth.caller().may_use(name)]
    rest = [name for name in names if name > after]
    shown = [answer for answer, _ in asking.instances_of(asking.services(), rest[:PER_PAGE])]
    more = rest[PER_PAGE - 1] if len(rest) > PER_PAGE else None
    return render_template("dashboard/instances.html", instances=shown, more=more)


@blueprint.get("/instances/events")
def lane_events() -> ResponseReturnValue:
    """What changes in the lanes as it happens: the API's own stream."""
    return streams.instances()


@blueprint.get("/instances/<instance>/<any(pause, resume):deed>")
def confirm_instance(instance: str, deed: str) -> ResponseReturnValue:
    """Ask whether they mean it."""
    one = asking.instance(instance)
    is_kept = deed == "resume" and one["underPause"] is not None
    return render_template(
        "dashboard/confirm.html",
        title=wording.deed(deed),
        question=wording.question("instance-resume-under" if is_kept else f"instance-{deed}"),
        points=[(wording.hold(f"instance_{one['underPause']}"), wording.under_pause(one))] if is_kept else [],
        what=instance,
        is_final=False,
        back=_back(),
    )


@blueprint.post("/instances/<instance>/<any(pause, resume):deed>")
def do_instance(instance: str, deed: str) -> ResponseReturnValue:
    """Hold the whole lane, or open it."""
    {"pause": asking.hold, "resume": asking.release}[deed](instance)
    flash(wording.done(f"instance-{deed}", {"instanceId": instance}))
    return redirect(_back(), 303)


def _back() -> str:
    return url_for("dashboard.list_instances") if rights.may_see("list_instances") else rights.home()
