"""Before an open campaign is started: whom it would be sent to and whom not, how it reads, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import render_template

from broadcast.api import asking
from broadcast.dashboard import wording


def show(status: Mapping[str, Any]) -> str:
    """What the start would do, with the button that does it. Raises Conflict where it was started meanwhile."""
    campaign = status["campaignId"]
    return render_template(
        "dashboard/start.html",
        campaign=campaign,
        one=status,
        shown=asking.preview_open(campaign),
        body=_body(campaign),
        question=wording.question("start"),
    )


def _body(campaign: str) -> Mapping[str, Any]:
    """What its samples have in common, by the names that a new campaign's body has."""
    found = asking.services().store.campaigns.find(campaign)
    if found is None:
        return {}
    content = found.content
    return {"mediaType": content.kind.value, "mediaUrl": content.media_url, "template": content.template}
