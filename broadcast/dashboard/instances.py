"""Instances as pages: what each lane does, what holds it, and a switch for the whole of it."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from broadcast.api import asking, auth
from broadcast.dashboard import wording
from broadcast.dashboard.blueprint import blueprint

#: So many instances are on a page.
PER_PAGE = 25


@blueprint.get("/instances")
def list_instances() -> ResponseReturnValue:
    """The instances that the caller may use, by name."""
    after = request.args.get("after", "")
    names = [name for name in asking.services().store.lanes.instances() if auth.caller().may_use(name)]
    rest = [name for name in names if name > after]
    shown = [asking.instance(name) for name in rest[:PER_PAGE]]
    more = rest[PER_PAGE - 1] if len(rest) > PER_PAGE else None
    return render_template("dashboard/instances.html", instances=shown, more=more)


@blueprint.get("/instances/<instance>/<any(pause, resume):deed>")
def confirm_instance(instance: str, deed: str) -> ResponseReturnValue:
    """Ask whether they mean it."""
    asking.instance(instance)
    return render_template(
        "dashboard/confirm.html",
        title=wording.deed(deed),
        question=wording.question(f"instance-{deed}"),
        what=instance,
        is_final=False,
        back=url_for("dashboard.list_instances"),
    )


@blueprint.post("/instances/<instance>/<any(pause, resume):deed>")
def do_instance(instance: str, deed: str) -> ResponseReturnValue:
    """Hold the whole lane, or open it."""
    {"pause": asking.hold, "resume": asking.release}[deed](instance)
    flash(wording.done(f"instance-{deed}", {"instanceId": instance}))
    return redirect(url_for("dashboard.list_instances"), 303)
