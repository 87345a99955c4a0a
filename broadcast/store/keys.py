"""The name of every key, once: Python fills these patterns, and so does the Lua that is given them.

What each holds:

====================  ======  ==================================================================
campaign              hash    the order, its `status`, its times, its last error, its measured pace, `rev`
tally                 hash    contact status -> how many; moves in the same script as the contact
contact               hash    one contact: phone, values, status, batch, run, attempts (and, before a person
                              had it sent again, `earlier` ones), times, reason
pending               list    numbers of the contacts that wait for the lane, next first
identities            set     people whom an open campaign is sent to, by identity or (forgotten since)
                              what stands for it; until it starts
chunks                hash    chunk:part of an open campaign -> its first contact, and its digest; until it starts
later                 zset    numbers of the contacts that wait for a time; score Unix ms
lane                  hash    last departure `left` and its `gap`, `rest` until, `turn`, `hold` and why, `stuck`, …
ready                 zset    running campaigns of a lane; score: the turn each was last served
booked                zset    campaign:number that a batch holds; score: departure planned, Unix ms
sending               zset    campaign:number past the fence; score: end of the lease, Unix ms
doubtful              zset    campaign:number of the lane's unconfirmed contacts; score: their departure, Unix ms
listed                zset    numbers of a campaign's contacts that are failed, or unconfirmed; score the same
message               string  gateway's message id -> campaign:number
recent                list    the lane's last messages, newest first: "a" acknowledged, "e" failed and nobody says why
pair                  string  for so many ms the instance may not write to this person again; expires by itself
capped                string  for so many ms the gateway takes no more from this instance for this person, who goes by a
                              pseudonym; expires by itself
acted                 zset    SHA-1 of a failure acted on for more than its contact; score: when to forget it, Unix ms
strays                zset    instance/message id of the parked receipts; score: when they are given up, Unix ms
unknown               string  how many ids of receipts nobody ever knew
left_out              hash    why webhook calls came to nothing -> how many did
parked                list    receipts that came before the id was known, as JSON
clock                 string  Redis's own clock when upkeep last looked at it, Unix ms
flow                  hash    how the workers take what they are given: the last one left `at` this time, `behind` so
                              many ms, the last one `on_time` then; each lane's `credit`, and `since` when it is so
workers               zset    names of the live workers of a queue; score: last sign of life, Unix ms
campaigns             zset    every campaign; score: when it was accepted, Unix ms
scheduled             zset    campaigns that wait for their time; score Unix ms
departures            string  when each request of a campaign was let out: Unix ms, 8 bytes each, little-endian
summary               string  what a campaign came to, as JSON; expires by itself
counting              string  the token of who counts a campaign's summary in one of its states; expires by itself
forecasts             hash    how true they were: `in_time` (by P90) or `late`, error shares up to so much, their `sum`
lanes                 zset    lanes that have work; score: when to look at each again, Unix ms
stagings              zset    campaigns that are being accepted; score: since when, Unix ms
removals              zset    campaigns that are being removed; score: when that was last gone on with, Unix ms
forgetting            zset    tokens of people who are being forgotten; score the same
forget                hash    one of them: numbers and what stands for each, and how far it is
rewrites              zset    moments at which Redis's append-only file is to be written anew, Unix ms; score the same
rewriting             string  which run of Redis was told to do so, and when, Unix ms
chores                hash    what upkeep is to end: sweep:<campaign> or retry:<scope>:<campaign> -> since, Unix ms
instances             set     every instance that ever had a campaign, or was registered
instance              hash    an instance that was registered: its gateway, its credentials, its `rules`, `version`
named                 set     registered instances that a gateway calls so: number/<Meta's id>, account/<Meta's id>; and
                              those with the same app secret: app/<what stands for it>
by_default            set     instances that are sent through the settings' gateway, and had a campaign or have rules
resting               string  why the instances of an app (app/…), of one account of it (app/…,account/…), or those
                              by_default rest together, for who joins them; expires with the rest
callbacks             hash    a campaign's callbacks: `last` number, `failures` in a row, `flight`, `off`, `progress`
callback              hash    one callback: type, times, state, attempts, last answer, what it shows as JSON
outbox                zset    numbers of a campaign's callbacks that wait; score: the number, so they leave in order
told                  zset    numbers of all its callbacks, until they are forgotten; score the same
spoken                set     campaign:number of campaigns' callbacks with the gateway's words about a contact
reported              zset    campaigns whose progress is told; score: when to look at each next, Unix ms
hosts                 zset    CRM hosts that have callbacks to take; score: when to look at each next, Unix ms
host                  hash    one of them: who `held` it, unanswered `fails` in a row, `rest` until
calling               zset    campaigns with callbacks for a host; score: when to try next, Unix ms
called                zset    hosts that a task is calling; score: end of its lease, Unix ms
given_up              zset    campaign:number (12 digits) of the callbacks of all campaigns that were given up;
                              score: when, Unix ms
callback_tally        hash    callbacks of all campaigns: `waiting` now, `delivered` and `failed` so far
suppressed            hash    identity of a person who wants no more messages -> since when and from where, as JSON; of
                              who was forgotten, a keyed hash of the identity: fingerprint of the key:hash
relented              hash    of a person, by what stands for them: source -> until when what it said is taken back,
                              as a gateway told; expires by itself
identity_form         string  which form of identities the suppression list is kept by
hashed_with           set     fingerprints of the keys that such hashes were ever made with
signing               string  the secret that signs the dashboard's sessions, where no SECRET_KEY does
ended                 string  there while a session of the dashboard is known to be logged out; expires by itself
draft                 string  a campaign that was previewed and not started: zlib in hex of JSON; expires by itself
note                  string  what one page of the dashboard hands to the next, encrypted; expires by itself
api_keys              zset    digest of every API key ever created, revoked ones too; score: when, Unix ms
api_key               hash    one of them: name, scopes, instances, when it was created, last `used` and revoked
api_key_names         hash    name of a key that is not revoked -> its digest
api_keys_used         hash    name of a key of the settings -> when it was last used, Unix ms
bucket                hash    a caller's requests that are `left`, and `at` what time (ms); expires when full again
claim                 string  for so many ms a deed is one process's, which does it for all; expires by itself
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
    "capped": "bcast:capped:%s/%s",
    "acted": "bcast:acted:%s",
    "strays": "bcast:strays",
    "unknown": "bcast:unknown",
    "left_out": "bcast:left_out",
    "parked": "bcast:parked:%s/%s",
    "clock": "bcast:clock",
    "flow": "bcast:flow",
    "workers": "bcast:workers:%s",
    "campaigns": "bcast:campaigns",
    "scheduled": "bcast:scheduled",
    "departures": "bcast:departures:%s",
    "summary": "bcast:summary:%s",
    "counting": "bcast:counting:%s/%s",
    "forecasts": "bcast:forecasts",
    "lanes": "bcast:lanes",
    "stagings": "bcast:stagings",
    "removals": "bcast:removals",
    "forgetting": "bcast:forgetting",
    "forget": "bcast:forget:%s",
    "rewrites": "bcast:rewrites",
    "rewriting": "bcast:rewriting",
    "chores": "bcast:chores",
    "instances": "bcast:instances",
    "instance": "bcast:instance:%s",
    "named": "bcast:named:%s",
    "by_default": "bcast:by_default",
    "resting": "bcast:resting:%s",
    "callbacks": "bcast:callbacks:%s",
    "callback": "bcast:callback:%s:%s",
    "outbox": "bcast:outbox:%s",
    "told": "bcast:told:%s",
    "spoken": "bcast:spoken:%s",
    "reported": "bcast:reported",
    "hosts": "bcast:hosts",
    "host": "bcast:host:%s",
    "calling": "bcast:calling:%s",
    "called": "bcast:called",
    "given_up": "bcast:given_up",
    "callback_tally": "bcast:callback_tally",
    "suppressed": "bcast:suppressed",
    "relented": "bcast:relented:%s",
    "identity_form": "bcast:identity_form",
    "hashed_with": "bcast:hashed_with",
    "signing": "bcast:signing",
    "ended": "bcast:ended:%s",
    "draft": "bcast:draft:%s",
    "note": "bcast:note:%s",
    "api_keys": "bcast:api_keys",
    "api_key": "bcast:api_key:%s",
    "api_key_names": "bcast:api_key_names",
    "api_keys_used": "bcast:api_keys_used",
    "bucket": "bcast:bucket:%s",
    "claim": "bcast:claim:%s",
    "strike": "bcast:strike:%s",
}


def key(name: str, *parts: str | int) -> str:
    """The key `name` of these parts: `key("contact", "campaign-1", 7)`."""
    return PATTERNS[name] % parts
