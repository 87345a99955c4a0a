"""One person's data, removed wherever they are."""

from __future__ import annotations

import logging

from flask import g, jsonify
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from broadcast.api import auth
from broadcast.api.asking import services
from broadcast.api.describing import call
from broadcast.engine import removing
from broadcast.errors import Forbidden
from broadcast.tasks.upkeep import forget_later

log = logging.getLogger(__name__)

blueprint = Blueprint("people", __name__, url_prefix="/people", description="One person's data")


@blueprint.delete("/<phone>")
@blueprint.doc(**call(shows={202: "Forgetting"}, names=True))
def forget(phone: str) -> ResponseReturnValue:
    """Blank a person's number, name, variables and message ids in every campaign. For keys of all instances only."""
    return jsonify(success=True, phone=forget_person(phone)), 202


def forget_person(phone: str) -> str:
    """Begin to forget a person, if the caller may; the number, fit to be shown. Raises Forbidden, Invalid."""
    if auth.caller().instances is not None:
        raise Forbidden(
            "A person may be in campaigns of any instance: only a key for all of them may remove their data."
        )
    found = removing.forget(services().store, phone, country=services().settings.default_country)
    forget_later(found.token)
    ids = {"phone": found.masked, "caller": auth.caller().name, "request": g.get("request_id")}
    log.info("person to be forgotten", extra={"action": "api", **ids})
    return found.masked
