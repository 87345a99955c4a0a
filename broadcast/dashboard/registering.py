"""One instance as a page: how its gateway says it is, how it is registered, and the form that changes that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from broadcast.api import asking, shapes
from broadcast.api.registration import DAYS
from broadcast.dashboard.blueprint import blueprint
from broadcast.dashboard.fields import text_of
from broadcast.dashboard.problems import in_words
from broadcast.dashboard.reasons import REASONS
from broadcast.dashboard.registration import CREDENTIALS, Instance, body_of, credentials_of, form_data, show_problems
from broadcast.errors import Conflict, Invalid
from broadcast.gateways.catalogue import DIALECTS

_ = lazy_gettext

#: dialect -> what people call it
NAMES: Mapping[str, str] = {
    "sandbox": "Sandbox",
    "evolution": "Evolution API",
    "cloud": "WhatsApp Cloud API (Meta)",
    "waha": "WAHA",
}
#: how a gateway says that an instance is -> the same for people, and what to do about it here
ADVICE: Mapping[str, tuple[Any, Any]] = {
    "open": (_("connected"), ""),
    "unauthorized": (
        _("the gateway does not take the key"),
        _("Correct the credentials here, then resume the instance."),
    ),
    "unknown_instance": (
        _("the gateway knows no such instance"),
        _("Make it there, or correct its name or number ID here, then resume it."),
    ),
    "gateway_address_wrong": (
        _("another server is at the address"),
        _("Correct the gateway's address here, then resume the instance."),
    ),
    "instance_not_loaded": (_("the gateway has it stored and not running"), _("Restart it in the gateway.")),
    "credentials_unreadable": (
        _("its credentials cannot be decrypted"),
        _("Set the SECRET_KEY that it was registered with, or write the credentials here again."),
    ),
    "unregistered": (_("the number is not registered, or its name not approved"), _("Look at it in Meta's manager.")),
    "billing": (
        _("Meta wants to be paid, or terms to be agreed to"),
        _("Look at the account in Meta's manager, then resume the instance."),
    ),
    "restricted": (
        _("WhatsApp restricts the number"),
        _("Wait until that is over, look at what was sent, then resume the instance."),
    ),
    "error_share": (
        _("too many of its messages fail without a reason, as those of a restricted number do"),
        _("Look at the number in WhatsApp, then resume the instance."),
    ),
    "unlinked": (
        _("no telephone is linked to it"),
        _("Read the QR code in the gateway with the telephone, under linked devices; it opens by itself then."),
    ),
    "shut_out": (
        _("WhatsApp shut the number out, and may have banned it"),
        _("Open WhatsApp on the telephone. Where it works there, read the QR code in the gateway again."),
    ),
    "passkey_wanted": (
        _("WhatsApp asks for a passkey"),
        _("Confirm it in the gateway and on the telephone; it opens by itself then."),
    ),
    "session_stopped": (_("its session is stopped"), _("Start the session in the gateway; it opens by itself then.")),
    "session_starting": (
        _("its session is being started"),
        _("It opens by itself when it is ready. Where that takes minutes, restart the session in the gateway."),
    ),
    "session_failed": (
        _("its session failed"),
        _("Restart the session in the gateway. Where it fails again, log it out there and read the QR code anew."),
    ),
    "disconnected": (_("it is not connected to WhatsApp"), _("Connect it in the gateway.")),
}
#: what the API says of settings that are in the way -> the same for people
CONFLICTS: Mapping[str, Any] = {
    "SECRET_KEY is unset": _("SECRET_KEY is not set: credentials are kept encrypted or not at all. Set it first."),
    "FAULT_INJECTION is set": _("FAULT_INJECTION is set: only instances of the sandbox can be registered."),
}
#: Zones that are offered; any other of IANA's can be typed.
ZONES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))


@blueprint.get("/instances/<instance>")
def one_instance(instance: str) -> ResponseReturnValue:
    """How it stands, and how it is registered."""
    one = asking.instance(instance)
    said = one["reason"] if one["state"] in {"closed", "restricted"} else one["underPauseReason"]
    return render_template(
        "dashboard/instance.html",
        one=one,
        advice=advice(said or one["health"], one["remedy"]),
        name=NAMES.get(one["dialect"], one["dialect"]),
        credentials=CREDENTIALS,
        webhook=f"/webhooks/{DIALECTS[one['dialect']].webhook}/{instance}",
        webhook_port=asking.services().settings.webhook_port,
    )


def advice(health: str | None, remedy: str | None) -> tuple[str, str] | None:
    """How an instance is, and what to do about it, for people; None where nobody asked yet."""
    if health is None:
        return None
    said, todo = ADVICE.get(health, (REASONS.get(health, health), remedy or ""))
    return str(said), str(todo)


@blueprint.get("/register")
def new_instance() -> ResponseReturnValue:
    """The form, empty."""
    return _show(Instance(data={"zone": _zone(), "instance": request.args.get("instance")}), None)


@blueprint.post("/register")
def register_new() -> ResponseReturnValue:
    """Register an instance that is not registered yet; another one is not changed by the way."""
    form = Instance()
    _offer(form)
    name = text_of(form.instance)
    if not shapes.is_name(name):
        form.validate()
        form.instance.errors = [in_words("must be 1 to 128 characters")]
        return _show(form, None), 422
    if name in shapes.TAKEN:
        form.validate()
        form.instance.errors = [in_words("must be another name")]
        return _show(form, None), 422
    if asking.instance(name)["registered"]:
        form.validate()
        form.instance.errors = [gettext("An instance of this name is registered already. Change it on its own page.")]
        return _show(form, None), 422
    return _register(form, name, None)


@blueprint.get("/instances/<instance>/change")
def change_instance(instance: str) -> ResponseReturnValue:
    """The form, as the instance is registered; secrets are not in it."""
    kept = asking.instance(instance)
    return _show(Instance(data=form_data(kept, zone=_zone())), kept)


@blueprint.post("/instances/<instance>/change")
def register(instance: str) -> ResponseReturnValue:
    """Register it as the form says, whole."""
    return _register(Instance(), instance, asking.instance(instance))


def _register(form: Instance, name: str, kept: Mapping[str, Any] | None) -> ResponseReturnValue:
    """Ask the API for it. `kept` is what the form was made from, None for one that began empty."""
    _offer(form)
    if not form.validate():
        return _show(form, kept), 422
    settings = asking.services().settings
    body = body_of(
        form, kept or asking.instance(name), addresses={dialect: settings.url_of(dialect) for dialect in DIALECTS}
    )
    try:
        asking.register(name, body)
    except Invalid as error:
        return _show(form, kept, problems=show_problems(form, error.errors)), 422
    except Conflict as error:
        return _show(form, kept, problems=[_conflict(str(error))]), 409
    flash(gettext("%(name)s is registered. Its gateway is being asked how it is.", name=name))
    return redirect(url_for("dashboard.one_instance", instance=name), 303)


def _conflict(detail: str) -> str:
    return str(next((text for words, text in CONFLICTS.items() if detail.startswith(words)), detail))


def _show(form: Instance, kept: Mapping[str, Any] | None, *, problems: list[str] | None = None) -> str:
    _offer(form)
    return render_template(
        "dashboard/register.html",
        form=form,
        kept=kept,
        problems=problems or [],
        groups=[(dialect, NAMES[dialect], credentials_of(form, dialect)) for dialect in DIALECTS],
        there=[str(CREDENTIALS[name]) for name, value in (kept or {}).get("credentials", {}).items() if value],
        zones=ZONES,
        weekdays=list(DAYS),
    )


def _offer(form: Instance) -> None:
    """The choices, in the language of this request."""
    fallback = NAMES[asking.services().settings.gateway]
    by_settings = gettext("As the settings say (%(gateway)s)", gateway=fallback)
    form.dialect.choices = [("", by_settings), *((dialect, NAMES[dialect]) for dialect in DIALECTS)]
    form.check_numbers.choices = [
        ("", gettext("As usual for the gateway")),
        ("yes", gettext("Yes")),
        ("no", gettext("No")),
    ]


def _zone() -> str:
    return asking.services().settings.default_time_zone
