"""Meta's error codes and what each of them lets us do: the same in an answer, in a receipt, and passed on by others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeGuard

from broadcast.gateways.base import Busy, Closed, Refused, Scope
from broadcast.gateways.words import words

Meaning = Refused | Busy | Closed

#: One person can be written to once in so many seconds. Up to 45 at once borrow from the time after: so Meta advises to
#: wait four times as long after each try.
PAIR_S, PAIR_GROWTH = 6.0, 4
#: Call limits count by the hour, and a number is upgraded within a minute.
CALLS_S = 120.0
UPGRADE_S = 60.0
#: Sooner than this, and more than once, Meta takes another try at a capped person for harassment.
CAPPED_S = 86_400.0
#: The values of one contact may not fit the template; after so many in a row, the campaign's do not.
MISFITS = 3
#: What one contact is told may be its own fault; what so many are told in a row is the message's: free text to people
#: who have not written, or a request that Meta does not take.
ALIKE = 20

#: code -> what it means. Source: Meta's error-codes page, 2026-09, and for 17, 102, 104, 613, 803 and 2500 the Graph
#: API's. Each is classed by what can be done about it: another contact may go, another campaign, or nothing at all.
MEANINGS: Mapping[int, Meaning] = {
    # It passes by itself, and stops everybody meanwhile.
    **dict.fromkeys((1, 131000), Busy("gateway_error", most_attempts=3)),
    # 2494100, which tells of the number's maintenance, is not on those pages.
    **dict.fromkeys((2, 131016, 133004, 2494100), Busy("gateway_error")),
    **dict.fromkeys((17, 613), Busy("too_many_requests", after_s=CALLS_S)),
    4: Busy("too_many_requests", after_s=CALLS_S, spans="app"),
    80007: Busy("too_many_requests", after_s=CALLS_S, spans="account"),
    130429: Busy("too_many_requests"),
    131057: Busy("too_many_requests", after_s=UPGRADE_S),
    # It passes by itself, and concerns one person.
    131056: Busy("too_many_requests", after_s=PAIR_S, growth=PAIR_GROWTH, contact_only=True),
    131049: Busy("marketing_capped", after_s=CAPPED_S, contact_only=True, most_attempts=2),
    # Meta fails to fetch media that are there, now and then.
    131053: Busy("media_unreachable", contact_only=True, most_attempts=2),
    # The token, or what it may do.
    **dict.fromkeys((0, 3, 10, 102, 104, 190, 131005, *range(200, 300)), Closed("unauthorized")),
    # The number: deleted, not registered, its certificate or name not approved. 133016 comes of registering it.
    **dict.fromkeys((33, 131037, 131045, 133010, 133016), Closed("unregistered")),
    # The path names no number that the token can see.
    803: Closed("unknown_instance"),
    2500: Closed("gateway_address_wrong"),
    # 130497 holds for one country, but nobody can tell which before asking.
    **dict.fromkeys((368, 130497, 131031, 131048, 131064), Closed("restricted")),
    **dict.fromkeys((131042, 134011), Closed("billing")),
    # The template, so this campaign and no other.
    131063: Closed("marketing_disabled", scope=Scope.CAMPAIGN),
    132001: Closed("template_missing", scope=Scope.CAMPAIGN),
    132007: Closed("template_against_policy", scope=Scope.CAMPAIGN),
    132015: Closed("template_paused", scope=Scope.CAMPAIGN),
    132016: Closed("template_disabled", scope=Scope.CAMPAIGN),
    **dict.fromkeys((132068, 132069), Closed("template_flow_blocked", scope=Scope.CAMPAIGN)),
    # The person.
    131026: Refused("not_on_whatsapp"),
    131047: Refused("window_closed", halts_after=ALIKE),
    131050: Refused("opted_out", opts_out=True),
    130472: Refused("in_experiment"),
    130403: Refused("blocked_by_us"),
    **dict.fromkeys((131021, 131030), Refused("recipient_not_allowed")),
    # The message, perhaps by what this contact's values made of it.
    **dict.fromkeys((132000, 132005, 132008, 132012, 132018), Refused("template_parameters", halts_after=MISFITS)),
    **dict.fromkeys((100, 131008, 131009, 131051, 131055, 135000), Refused("rejected", halts_after=ALIKE)),
    # Of media that people send to us; here only lest it be taken for a code of the future.
    131052: Refused("rejected"),
}


def meaning_of(error: Mapping[str, Any]) -> Meaning | None:
    """What Meta's error object means; None where its code is none, or one that we do not know."""
    code = code_of(error)
    if code == 100 and error.get("error_subcode") == 33:
        # "Object does not exist": that of the path, so the number. Any other 100 is about a field of the message.
        return Closed("unknown_instance", detail_of(error))
    found = MEANINGS.get(code) if code is not None else None
    return replace(found, detail=detail_of(error)) if found is not None else None


def gravest(errors: Iterable[Mapping[str, Any]]) -> Meaning | None:
    """What the most telling of several errors means, the first of equals; None where there is none."""
    means = [meaning_of(error) or Refused("rejected", detail_of(error)) for error in errors]
    return min(means, key=_rank, default=None)


def _rank(means: Meaning) -> int:
    """How telling it is, the most first: what it concerns beside this contact, and then whether it passes."""
    ranks = (
        isinstance(means, Closed) and means.scope is Scope.INSTANCE,
        isinstance(means, Closed),
        isinstance(means, Refused) and means.opts_out,
        isinstance(means, Busy) and not means.contact_only,
        isinstance(means, Busy),
        isinstance(means, Refused) and means.halts_after > 0,
        means.reason != "rejected",
        True,
    )
    return ranks.index(True)


def unheard_of(error: Mapping[str, Any]) -> Refused | Busy:
    """What an error with a code in no table of ours means, where Meta says that it did not do it."""
    detail = detail_of(error)
    return Busy("gateway_error", detail) if error.get("is_transient") is True else Refused("rejected", detail)


def is_metas(error: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is Meta's error object. Google's balancers, for one, answer with an `error` and a `code` as well."""
    if not isinstance(error, dict) or code_of(error) is None:
        return False
    return any(isinstance(error.get(name), str) for name in ("type", "fbtrace_id"))


def code_of(error: Mapping[str, Any]) -> int | None:
    """The code: a number, or a text in some of Meta's own samples."""
    code = str(error.get("code"))
    return int(code) if re.fullmatch(r"[0-9]{1,9}", code) else None


def detail_of(error: Mapping[str, Any]) -> str:
    """Meta's own words, after the code."""
    more = error.get("error_data")
    details = more.get("details") if isinstance(more, dict) else None
    said = [text for text in (error.get("message"), error.get("title"), details) if isinstance(text, str)]
    return words(f"{code_of(error)}: {'; '.join(dict.fromkeys(said))}")
