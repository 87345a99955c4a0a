"""Why the API, or Flask, refuses what a person asked for, in their language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from broadcast.dashboard import wording

_ = lazy_gettext

#: what the API says -> the same for people, with the names that are in it
REFUSALS: Mapping[str, Any] = {
    r"This key may not use the instance (?P<name>.+)\.": _("This key may not use the instance %(name)s."),
    r"This needs a key of the scope (?P<wanted>.+); the scopes of this one: (?P<has>.+)\.": _(
        "This needs a key of the scope %(wanted)s; the scopes of this one: %(has)s."
    ),
    r"This token names no instance .+": _("The key is for no instance at all."),
    r"All instances share the suppression list: .+": _(
        "All instances share the list of opt-outs: only a key for all of them may take somebody off."
    ),
    r"A person may be in campaigns of any instance: .+": _(
        "A person may be in campaigns of any instance: it takes a key for all of them."
    ),
    r"Nobody with this number is on the suppression list\.": _("Nobody with this number is on the list of opt-outs."),
    r"There is no campaign (?P<name>.+)\.": _("There is no campaign %(name)s."),
    r"There is no instance of this name\.": _("There is no instance of this name."),
    r"Campaign (?P<name>.+) is (?P<state>\w+): (?:it cannot \w+|nothing of it can be sent again)\.": _(
        "Campaign %(name)s is %(state)s: this cannot be done with it."
    ),
    r"Campaign (?P<name>.+) has no contacts\.": _("Campaign %(name)s has no contacts."),
    r"Campaign (?P<name>.+) was sent without a callbackUrl\.": _(
        "This campaign was sent without an address for callbacks, so the CRM is told nothing of it."
    ),
    r"Campaign (?P<name>.+) has no callback .+": _("The campaign has no such callback, or it is kept no longer."),
    r"While there is no key, the name (?P<name>.+) is not answered: .+": _(
        "While there is no key, the name %(name)s is not answered: any page could have one that leads here. Open "
        "the dashboard as localhost or by an IP address, name it in ALLOWED_HOSTS, or make a key with `broadcast keys "
        "create`."
    ),
    r"While there is no key, what a page of another address .+": _(
        "While there is no key, what a page of another address asks for is refused. Open the dashboard itself, and do "
        "it there."
    ),
    r"There is no key (?P<name>.+), or it is revoked already\.": _(
        "There is no key %(name)s, or it is revoked already."
    ),
}
#: what Flask and its extensions refuse, where a person is told more than the page's title -> why, and what to do
FAULTS: Mapping[type[HTTPException], Any] = {
    CSRFError: _("This form is too old, or was not made by this page. Open the page anew, and do it again from there."),
    RequestEntityTooLarge: _("Send a long list as a file, of 32 MB at the most. A larger one can be added in parts."),
}


def fault(error: HTTPException) -> str:
    """Why Flask refuses, for people; "" where the page's title says it."""
    return str(FAULTS.get(type(error), ""))


def refusal(detail: str) -> str:
    """The same for people; the API's own words where there are no others."""
    for pattern, text in REFUSALS.items():
        match = re.fullmatch(pattern, detail, re.DOTALL)
        if match:
            return str(text) % {name: _told(name, word) for name, word in match.groupdict().items()}
    return detail


def _told(name: str, word: str) -> str:
    if name == "state":
        return str(wording.STATES.get(word, word))
    return word.replace(" or ", " / ") if name == "wanted" else word
