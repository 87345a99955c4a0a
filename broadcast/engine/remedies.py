"""Why an instance cannot send, in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from broadcast.domain.answer import Refused

#: What to do where the reason is none of these: mostly the gateway's own word for a session that ended.
CONNECT = "Connect it in the gateway."
_RESUME = "then resume the instance"

#: reason of ours -> the same in words, and what to do
_KNOWN: Mapping[str, tuple[str, str]] = {
    "unauthorized": (
        "the gateway does not take the key",
        f"Correct the credentials (`PUT /instances/<id>`, or the settings), {_RESUME}.",
    ),
    "unknown_instance": (
        "the gateway knows no such instance",
        f"Make it there, or correct its name or number id here, {_RESUME}.",
    ),
    "gateway_address_wrong": ("another server is at the address", f"Correct the gateway's address, {_RESUME}."),
    "instance_not_loaded": ("the gateway has it stored and not running", "Restart it in the gateway."),
    "credentials_unreadable": (
        "its credentials cannot be decrypted",
        "Set the SECRET_KEY that it was registered with, or register it again with its credentials.",
    ),
    "unregistered": ("the number is not registered, or its name not approved", "Look at it in Meta's manager."),
    "billing": (
        "Meta wants to be paid, or terms to be agreed to",
        f"Look at the account in Meta's manager, {_RESUME}.",
    ),
    "restricted": ("WhatsApp restricts the number", f"Wait until that is over, look at what was sent, {_RESUME}."),
    "error_share": (
        "too many of its messages fail without a reason, as those of a restricted number do",
        f"Look at the number in WhatsApp, {_RESUME}.",
    ),
    "unlinked": (
        "no telephone is linked to it",
        "Read the QR code in the gateway with the telephone, under linked devices; it opens by itself then.",
    ),
    "shut_out": (
        "WhatsApp shut the number out, and may have banned it",
        "Open WhatsApp on the telephone. Where it works there, read the QR code in the gateway again.",
    ),
    "passkey_wanted": (
        "WhatsApp asks for a passkey",
        "Confirm it in the gateway and on the telephone; it opens by itself then.",
    ),
    "session_stopped": ("its session is stopped", "Start the session in the gateway; it opens by itself then."),
    "session_starting": (
        "its session is being started",
        "It opens by itself when it is ready. Where that takes minutes, restart the session in the gateway.",
    ),
    "session_failed": (
        "its session failed",
        "Restart the session in the gateway. Where it fails again, log it out there and read the QR code anew.",
    ),
    "disconnected": ("it is not connected to WhatsApp", CONNECT),
}


#: reason for which a campaign is paused -> what to do
_FOR_CAMPAIGN: Mapping[str, str] = {
    "template_parameters": (
        "Compare the places of the template in Meta's manager with the order; then cancel and order anew, or correct "
        "the template there, resume, and have those that failed sent again."
    ),
    "window_closed": (
        "Meta takes free text only within 24 hours after a person wrote to you. Cancel, and order anew with a "
        "template; a resume goes on with the rest."
    ),
    "rejected": "Meta does not take this message: cancel, and order anew with another; a resume goes on with the rest.",
}


def why_halted(answer: Refused) -> str:
    """What a campaign says that was paused after such answers."""
    said = ": ".join(filter(None, (answer.reason, answer.detail)))
    return f"{said}. So {answer.halts_after} in a row. {_FOR_CAMPAIGN.get(answer.reason, '')}".strip()


def in_words(reason: str) -> str:
    """The reason for people; what we have no words for as it is."""
    return _KNOWN.get(reason, (reason, ""))[0]


def remedy_for(reason: str | None) -> str | None:
    """What to do about it; None where nobody can say without looking."""
    found = _KNOWN.get(reason or "")
    return found[1] if found else None
