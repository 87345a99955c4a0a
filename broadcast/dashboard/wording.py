"""What people read: the API's words in their language. A code without a word stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from flask import Flask
from flask_babel import get_locale, gettext, lazy_gettext, lazy_pgettext, ngettext
from jinja2 import pass_context
from jinja2.runtime import Context

from broadcast.dashboard import formats
from broadcast.dashboard.formats import number
from broadcast.dashboard.reasons import REASONS
from broadcast.dashboard.rows import row_problem
from broadcast.domain.phone import NO_AREA, ROUNDED
from broadcast.errors import FieldError

_ = lazy_gettext

#: status of a campaign, and state of a lane
STATES: Mapping[str, Any] = {
    "scheduled": _("scheduled"),
    "running": _("running"),
    "paused": _("paused"),
    "completed": _("completed"),
    "cancelled": _("cancelled"),
    "open": _("open"),
    "closed": _("closed"),
    "restricted": _("restricted"),
}
#: status of a contact
STATUSES: Mapping[str, Any] = {
    "pending": lazy_pgettext("contact", "pending"),
    "booked": lazy_pgettext("contact", "booked"),
    "sending": lazy_pgettext("contact", "sending"),
    "sent": lazy_pgettext("contact", "sent"),
    "delivered": lazy_pgettext("contact", "delivered"),
    "read": lazy_pgettext("contact", "read"),
    "failed": lazy_pgettext("contact", "failed"),
    "skipped": lazy_pgettext("contact", "left out"),
    "cancelled": lazy_pgettext("contact", "cancelled"),
    "unconfirmed": lazy_pgettext("contact", "unconfirmed"),
}
#: why nobody is sent to just now, for people
HOLDS: Mapping[str, Any] = {
    "open": _("Contacts are being added. It begins after somebody starts it."),
    "instance_paused": _("The instance is paused. Resume it to go on."),
    "instance_closed": _("WhatsApp's gateway says that the instance is not connected. Connect it again."),
    "instance_restricted": _(
        "WhatsApp restricted the instance. Look at the telephone, and resume it when that is over."
    ),
    "no_worker": _("No process is there to send: the broadcast worker is not running."),
    "no_control_worker": _("No process is there to plan: the control worker is not running."),
    "quiet_hours": _("The instance's sending window is closed. It goes on by itself when it opens."),
    "daily_cap": _("The instance has had its messages for today. It goes on by itself tomorrow."),
    "gateway_busy": _("The gateway is busy. It goes on by itself in a moment."),
    "retry_later": _("All that is left waits until it may be tried again."),
    "workers_behind": _("The instances ask for more than the broadcast worker takes. Run one more, or slow some down."),
    "stalled": _("Nothing has left for a while. It is being planned anew."),
    "more_urgent_campaign": _("A more urgent campaign has the instance; this one gets one turn in ten."),
    "message_refused": _("The gateway takes this message for nobody, so the campaign was paused."),
}
#: what a preview warns of
WARNINGS: Mapping[str, Any] = {
    "id_taken": _("There is another campaign of this name already. Choose another name."),
    "instance_paused": _("The instance is paused: nothing leaves until it is resumed."),
    "instance_closed": _("The gateway says that the instance cannot send: nothing leaves."),
    "instance_restricted": _("WhatsApp restricted the instance: nothing leaves until it is resumed."),
    "loose_mark": _(
        "The text has {{, }} or [[ without its partner, [[ ]] around one choice alone, or [[ in a variable's default: "
        "it is sent as it stands."
    ),
    "foreign_mark": _(
        "The text has what looks like another tool's mark, such as {name}, [Hi|Hello] or #name#: it is sent as it "
        "stands. Here it is {{name}} and [[Hi|Hello]]."
    ),
    "template_needed": _("Meta takes free text only within 24 hours after a person wrote to you. Others will fail."),
}
#: what a preview says may get the number blocked
RISKS: Mapping[str, Any] = {
    "same_text": _("Many people get exactly the same text. Vary it, or address each person by name."),
    "no_opt_out": _("The text does not say how to opt out, such as: reply SAIR to leave."),
    "fast_pace": _("The pace is faster than one message in 5 seconds on average."),
    "new_number": _("The number is less than 15 days old: young numbers are blocked sooner."),
    "unknown_age": _("Nobody said how old the number is, and the pace is high."),
}
KINDS: Mapping[str, Any] = {
    "text": _("Text"),
    "image": _("Image"),
    "video": _("Video"),
    "audio": _("Audio"),
    "document": _("Document"),
}
PRIORITIES: Mapping[str, Any] = {"high": _("High"), "normal": _("Normal"), "low": _("Low")}
DEEDS: Mapping[str, Any] = {
    "start": _("Start"),
    "pause": _("Pause"),
    "resume": _("Resume"),
    "cancel": _("Cancel for good"),
    "retry-failed": _("Send to the failed ones again"),
    "retry-unconfirmed": _("Send to the unconfirmed ones again"),
}
QUESTIONS: Mapping[str, Any] = {
    "start": _("It begins at once, or at its time where it has one. From then on no contacts can be added."),
    "pause": _("Nothing more leaves until you resume it. What is on its way still arrives."),
    "resume": _("Sending goes on at the campaign's pace. Nothing that was missed is caught up at once."),
    "cancel": _("Nothing more leaves, for good. A cancelled campaign cannot be resumed."),
    "retry-failed": _("Everybody who failed is sent to again. Who has opted out meanwhile is left out."),
    "retry-unconfirmed": _("Nobody knows whether these arrived: some may get the message twice."),
    "remove": _("The campaign is no longer there for anybody. This cannot be undone."),
    "instance-pause": _("Nothing leaves through this instance, in any campaign, until you resume it."),
    "instance-resume": _("The instance sends again, whatever held it. Make sure that the telephone is connected."),
    "instance-resume-under": _(
        "This ends the pause only. What the gateway said holds the instance until you resume it once more."
    ),
}
ERRORS: Mapping[int, Any] = {
    400: _("The request could not be read"),
    403: _("You may not do this"),
    404: _("There is nothing here"),
    409: _("This cannot be done now"),
    413: _("This is too large"),
    422: _("Something is not right"),
    429: _("Too many pages were asked for"),
    500: _("Something went wrong here"),
    503: _("The service cannot do this just now. Try again in a moment."),
}
#: what is known of a contact that was left out, beside the reason; the rest are names of variables, and lengths
DETAILS: Mapping[str, Any] = {
    ROUNDED: _("a spreadsheet rounded it: show the column as whole numbers, and save it again"),
    NO_AREA: _("it has no area code"),
}
DAYS: Mapping[str, Any] = {
    "mon": _("Mon"), "tue": _("Tue"), "wed": _("Wed"), "thu": _("Thu"), "fri": _("Fri"), "sat": _("Sat"),
    "sun": _("Sun"),
}  # fmt: skip


def install(app: Flask) -> None:
    """Let templates use these words."""
    filters: Mapping[str, Callable[..., Any]] = {
        "state": lambda word: STATES.get(word, word),
        "status": lambda word: STATUSES.get(word, word),
        "reason": lambda word: REASONS.get(word, word),
        "because": because,
        "under_pause": under_pause,
        "number": number,
        "percent": formats.percent,
        "reached": reached,
        "when": formats.when,
        "moment": formats.moment,
        "moments": formats.moments,
        "seconds": formats.seconds,
        "day": lambda word: DAYS.get(word, word),
        "a_day": formats.day,
        "phone": formats.phone,
        "detail": detail,
        "row_problem": row_problem,
    }
    app.jinja_env.filters.update({name: _each_time(said) for name, said in filters.items()})
    app.jinja_env.globals.update(
        hold=hold, deed=deed, warning=warning, risk=risk, kind=kind, priority=priority, html_language=html_language
    )


def _each_time(said: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that is asked for each page.

    Jinja works out `{{ 'failed'|status }}` once, when it compiles the template, and everybody would read the language
    of whoever came first; but not what is passed the context.
    """

    @pass_context
    @wraps(said)
    def filtered(_context: Context, *args: Any, **kwargs: Any) -> Any:
        return said(*args, **kwargs)

    return filtered


def html_language() -> str:
    """The language of the page, as HTML and JavaScript name it."""
    return str(get_locale()).replace("_", "-")


def reached(counts: Mapping[str, int]) -> int:
    """To how many a campaign was sent, of whom nobody knows otherwise."""
    return counts["sent"] + counts["delivered"] + counts["read"]


def detail(text: str) -> str:
    """What is known of a contact beside the reason."""
    return str(DETAILS.get(text, text))


def hold(code: str | None, detail: str | None = None) -> str:
    """Why nothing leaves, for people."""
    return str(HOLDS.get(code or "", detail or code or ""))


def because(detail: str) -> str:
    """Why an instance is held, as the API says it: a reason, what the gateway said, and the same under a pause."""
    return ": ".join(str(REASONS.get(part, part)) for part in detail.split(": "))


def under_pause(one: Mapping[str, Any]) -> str:
    """What the gateway said of an instance that a person paused, for people."""
    reason = one["underPauseReason"] or ""
    return ": ".join(filter(None, (str(REASONS.get(reason, reason)), one["underPauseDetail"])))


def warning(found: Mapping[str, str]) -> str:
    """What a preview warns of, for people."""
    return str(WARNINGS.get(found["code"], found["text"]))


def risk(found: Mapping[str, str]) -> str:
    """What a preview says may get the number blocked, for people."""
    return str(RISKS.get(found["code"], found["text"]))


def deed(name: str) -> str:
    """What a button says."""
    return str(DEEDS[name])


def question(name: str) -> str:
    """What a person is told before they do it."""
    return str(QUESTIONS[name])


def whom(name: str, counts: Mapping[str, int]) -> str:
    """How many contacts it is about."""
    if name == "cancel":
        left = counts["pending"] + counts["booked"]
        count = number(left)
        text = ngettext("%(count)s contact was not sent to.", "%(count)s contacts were not sent to.", left, count=count)
        return str(text) if left else ""
    again = counts.get(name.removeprefix("retry-"), 0)
    text = ngettext("%(count)s contact", "%(count)s contacts", again, count=number(again))
    return str(text) if again else ""


def done(name: str, answer: Mapping[str, Any]) -> str:
    """What came of it."""
    if name.startswith("instance-"):
        return str(gettext("Done: %(name)s.", name=answer["instanceId"]))
    if name.startswith("retry-"):
        count = answer["queued"]
        said = ngettext(
            "%(count)s contact is sent to again.", "%(count)s contacts are sent to again.", count, count=number(count)
        )
        return str(said)
    wire = answer.get("onTheWire", 0)
    text = gettext("The campaign is now: %(state)s.", state=STATES[answer["status"]])
    if not wire:
        return str(text)
    arrives = ngettext(
        "%(count)s message is on its way and still arrives.",
        "%(count)s messages are on their way and still arrive.",
        wire,
        count=number(wire),
    )
    return f"{text} {arrives}"


def kind(name: str) -> str:
    """A kind of message."""
    return str(KINDS[name])


def priority(name: str) -> str:
    """A priority."""
    return str(PRIORITIES[name])


def error_title(status: int, phrase: str) -> str:
    """What an error is called."""
    return str(ERRORS.get(status, phrase))


def missing_name() -> tuple[FieldError]:
    """A campaign that is to be started needs a name."""
    return (FieldError("/campaignId", gettext("Give the campaign a name.")),)
