"""The name of every key, once: Python fills these patterns, and so does the Lua that is given them.

What each holds:

====================  ======  ==================================================================
campaign              hash    the order, its `status`, its times, its last error, its measured pace, `rev`
tally                 hash    contact status -> how many; moves in the same script as the contact
contact               hash    one contact: phone, values, status, batch, run, attempts, times, reason
pending               list    numbers of the contacts that wait for the lane, next first
identities            set     identities of the people in an open campaign; until it starts
chunks                hash    chunk:part of an open campaign -> its first contact, and its digest; until it starts
later                 zset    numbers of the contacts that wait for a time; score Unix ms
lane                  hash    last departure `left` and its `gap`, `rest` until, `turn`, `hold` and why, `stuck`
ready                 zset    running campaigns of a lane; score: the turn each was last served
booked                zset    campaign:number that a batch holds; score: departure planned, Unix ms
sending               zset    campaign:number past the fence; score: end of the lease, Unix ms
doubtful              zset    campaign:number of the lane's unconfirmed contacts; score: their departure, Unix ms
listed                zset    numbers of a campaign's contacts that are failed, or unconfirmed; score the same
message               string  gateway's message id -> campaign:number
recent                list    the lane's last messages, newest first: "a" acknowledged, "e" failed and nobody says why
pair                  string  there while the instance may not write to this person again; expires by itself
strays                zset    instance/message id of the parked receipts; score: when they are given up, Unix ms
unknown               string  how many ids of receipts nobody ever knew
parked                list    receipts that came before the id was known, as JSON
workers               zset    names of the live workers of a queue; score: last sign of life, Unix ms
campaigns             zset    every campaign; score: when it was accepted, Unix ms
scheduled             zset    campaigns that wait for their time; score Unix ms
summary               string  what a campaign that is over came to, as JSON; expires by itself
lanes                 zset    lanes that have work; score: when to look at each again, Unix ms
removals              zset    campaigns that are being removed; score: when that was last gone on with, Unix ms
forgetting            zset    tokens of people who are being forgotten; score the same
forget                hash    one of them: numbers and what stands for each, and how far it is
chores                hash    what upkeep is to end: sweep:<campaign> or retry:<scope>:<campaign> -> since, Unix ms
instances             set     every instance that ever had a campaign
instance              hash    an instance that was registered: its gateway, its credentials, its `rules`, `version`
callbacks             hash    a campaign's callbacks: `last` number, `failures` in a row, `flight`, `off`, `progress`
callback              hash    one callback: type, times, state, attempts, last answer, what it shows as JSON
outbox                zset    numbers of a campaign's callbacks that wait; score: the number, so they leave in order
told                  zset    numbers of all its callbacks, until they are forgotten; score the same
reported              zset    campaigns whose progress is told; score: when to look at each next, Unix ms
hosts                 zset    CRM hosts that have callbacks to take; score: when to look at each next, Unix ms
host                  hash    one of them: who `held` it, unanswered `fails` in a row, `rest` until
calling               zset    campaigns with callbacks for a host; score: when to try next, Unix ms
called                zset    hosts that a task is calling; score: end of its lease, Unix ms
callback_tally        hash    callbacks of all campaigns: `waiting` now, `delivered` and `failed` so far
suppressed            hash    identity of a person who wants no more messages -> since when and from where, as JSON; of
                              who was forgotten, the SHA-1 of the identity
signing               string  the secret that signs the dashboard's sessions, where no SECRET_KEY does
draft                 string  a campaign that was previewed and not started: zlib in hex of JSON; expires by itself
api_keys              zset    digest of every API key ever created, revoked ones too; score: when, Unix ms
api_key               hash    one of them: name, scopes, instances, when it was created and revoked
api_key_names         hash    name of a key that is not revoked -> its digest
bucket                hash    a caller's requests that are `left`, and `at` what time (ms); expires when full again
claim                 string  a deed that one process does for all; expires by itself
strike                string  what a test wants to befall the next process at a step
====================  ======  ==================================================================
"""

from __future__ import annotations

from collections.abc import Mapping

#: Filled by `%` in Python and by `string.format` in Lua. A slash divides two free texts: neither name may have one.
PATTERNS: Mapping[str, str] = {
    "campaign": "bcast:campaign:%s",
    "tally": "bcast:tally:%s",
    "contact": "bcast:contact:%s:%s",
    "pending": "bcast:pending:%s",
    "identities": "bcast:identities:%s",
    "chunks": "bcast:chunks:%s",
    "later": "bcast:later:%s",
    "lane": "bcast:lane:%s",
    "ready": "bcast:ready:%s",
    "booked": "bcast:booked:%s",
    "sending": "bcast:sending:%s",
    "doubtful": "bcast:doubtful:%s",
    "listed": "bcast:listed:%s/%s",
    "message": "bcast:message:%s/%s",
    "recent": "bcast:recent:%s",
    "pair": "bcast:pair:%s/%s",
    "strays": "bcast:strays",
    "unknown": "bcast:unknown",
    "parked": "bcast:parked:%s/%s",
    "workers": "bcast:workers:%s",
    "campaigns": "bcast:campaigns",
    "scheduled": "bcast:scheduled",
    "summary": "bcast:summary:%s",
    "lanes": "bcast:lanes",
    "removals": "bcast:removals",
    "forgetting": "bcast:forgetting",
    "forget": "bcast:forget:%s",
    "chores": "bcast:chores",
    "instances": "bcast:instances",
    "instance": "bcast:instance:%s",
    "callbacks": "bcast:callbacks:%s",
    "callback": "bcast:callback:%s:%s",
    "outbox": "bcast:outbox:%s",
    "told": "bcast:told:%s",
    "reported": "bcast:reported",
    "hosts": "bcast:hosts",
    "host": "bcast:host:%s",
    "calling": "bcast:calling:%s",
    "called": "bcast:called",
    "callback_tally": "bcast:callback_tally",
    "suppressed": "bcast:suppressed",
    "signing": "bcast:signing",
    "draft": "bcast:draft:%s",
    "api_keys": "bcast:api_keys",
    "api_key": "bcast:api_key:%s",
    "api_key_names": "bcast:api_key_names",
    "bucket": "bcast:bucket:%s",
    "claim": "bcast:claim:%s",
    "strike": "bcast:strike:%s",
}


def key(name: str, *parts: str | int) -> str:
    """The key `name` of these parts: `key("contact", "campaign-1", 7)`."""
    return PATTERNS[name] % parts
