"""What stands for a forgotten person is theirs alone, and tells nothing to who has no key."""

from __future__ import annotations

import hashlib

from broadcast.domain.pseudonym import Pseudonyms, fingerprint_of, plain

ANA, BIA = "551199990001", "551199990002"
KEY = "k" * 32


def test_the_same_key_knows_a_person_again_and_another_does_not() -> None:
    ours = Pseudonyms(KEY)
    assert ours.of(ANA) == Pseudonyms(KEY).of(ANA)
    assert len({ours.of(ANA), ours.of(BIA), Pseudonyms(KEY + "x").of(ANA), plain(ANA)}) == 4


def test_the_key_of_a_pseudonym_is_told_by_its_fingerprint() -> None:
    ours = Pseudonyms(KEY)
    assert fingerprint_of(ours.of(ANA)) == ours.fingerprint
    assert ours.fingerprint != Pseudonyms(KEY + "x").fingerprint
    assert (fingerprint_of(plain(ANA)), fingerprint_of(ANA)) == ("", None)


def test_without_the_key_trying_every_number_finds_nobody() -> None:
    hashed = Pseudonyms(KEY).of(ANA).partition(":")[2]
    tried = [hashlib.new(name, ANA.encode()).hexdigest() for name in ("sha1", "sha256", "md5", "sha512")]
    assert not [one for one in tried if one.startswith(hashed) or hashed in one]
    assert KEY not in Pseudonyms(KEY).of(ANA)


def test_without_any_secret_it_is_as_it_was() -> None:
    none = Pseudonyms(None)
    assert (none.of(ANA), none.fingerprint) == (plain(ANA), "")
