"""The blueprint that every page of the dashboard is on."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint(
    "dashboard",
    __name__,
    url_prefix="/dashboard",
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)
