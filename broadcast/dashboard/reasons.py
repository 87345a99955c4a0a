"""Why a contact was left out, failed or is unconfirmed, and why an instance or a campaign is held: for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext

_ = lazy_gettext

#: reason -> the same in the reader's words
REASONS: Mapping[str, Any] = {
    "invalid_phone": _("not a phone number"),
    "duplicate": _("there twice"),
    "opted_out": _("wants no messages"),
    "missing_variable": _("a variable has no value"),
    "too_long": _("too long with these values"),
    "not_on_whatsapp": _("not on WhatsApp"),
    "rejected": _("refused by WhatsApp"),
    "restricted": _("the instance was restricted"),
    "window_closed": _("no open conversation, and no template"),
    "template_parameters": _("the template's parameters do not fit"),
    "recipient_not_allowed": _("not among the test numbers"),
    "in_experiment": _("held back by Meta's experiment"),
    "gateway_timeout": _("the gateway did not answer in time"),
    "gateway_connection_lost": _("the connection to the gateway broke"),
    "gateway_unreachable": _("the gateway could not be reached"),
    "gateway_error": _("the gateway failed"),
    "gateway_unavailable": _("the gateway was not available"),
    "too_many_requests": _("the gateway was asked too often"),
    "unknown_answer": _("the gateway's answer says nothing"),
    "answer_without_id": _("the gateway's answer has no id"),
    "disconnected": _("the telephone was not connected"),
    "unlinked": _("no telephone is linked to it"),
    "shut_out": _("WhatsApp shut the number out, and may have banned it"),
    "passkey_wanted": _("WhatsApp asks for a passkey"),
    "session_stopped": _("its session is stopped"),
    "session_starting": _("its session is being started"),
    "session_failed": _("its session failed"),
    "unauthorized": _("the gateway does not take our key"),
    "unknown_instance": _("the gateway does not know the instance"),
    "paused by an operator": _("paused by a person"),
    "unknown": _("no reason given"),
    "forgotten": _("the person's data was deleted before it was sent"),
    "worker_lost": _("our process died while it was being sent"),
    # The gateway, and the way to it.
    "failed_while_sending": _("the gateway failed while it sent this"),
    "gateway_name_unknown": _("the gateway's name leads nowhere"),
    "gateway_connect_timeout": _("no connection to the gateway came about in time"),
    "gateway_tls_failed": _("the gateway's certificate is not trusted"),
    "gateway_address_wrong": _("another server is at the gateway's address"),
    "media_unreachable": _("the file's address could not be fetched"),
    "rate_overlimit": _("WhatsApp was asked too often by this number"),
    "number_check_failed": _("the number could not be looked up"),
    "number_check_timed_out": _("the number was not looked up in time"),
    "method_not_available": _("the gateway cannot do this for such an instance"),
    "not_implemented": _("the gateway's engine cannot do this"),
    "engine_takes_no_id": _("the gateway's engine takes no id of ours"),
    "instance_not_loaded": _("the gateway has the instance stored and not running"),
    "credentials_unreadable": _("the instance's credentials cannot be decrypted: SECRET_KEY is another one"),
    "error_share": _("too many messages fail without a reason, as those of a restricted number do"),
    # Meta's words.
    "marketing_capped": _("Meta lets this person have no more advertising for now"),
    "marketing_disabled": _("Meta lets this account send no advertising"),
    "blocked_by_us": _("we blocked this person in WhatsApp"),
    "billing": _("Meta wants to be paid, or terms to be agreed to"),
    "unregistered": _("the number is not registered with Meta, or its name not approved"),
    "templates_unsupported": _("this instance's gateway knows no templates"),
    "template_missing": _("Meta knows no such template in this language"),
    "template_paused": _("Meta paused the template"),
    "template_disabled": _("Meta disabled the template"),
    "template_against_policy": _("Meta says that the template is against its policy"),
    "template_flow_blocked": _("the template's form is blocked, or being throttled, by Meta"),
}
