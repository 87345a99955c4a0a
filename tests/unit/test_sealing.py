"""What is sealed is opened by the same key, for the same instance and address, and by nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.engine.sealing import seal, unseal

KEY = "a-secret-key-of-32-characters-or-more"


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=4), st.text(max_size=30))
def test_what_was_sealed_comes_back(credentials: dict[str, str], binding: str) -> None:
    try:
        sealed = seal(credentials, secret_key=KEY, binding=binding)
    except UnicodeEncodeError:
        return
    assert unseal(sealed, secret_key=KEY, binding=binding) == credentials


def test_the_same_is_never_sealed_alike() -> None:
    first, second = (seal({"apiKey": "k"}, secret_key=KEY, binding="b") for _ in range(2))
    assert first != second


@pytest.mark.parametrize(("secret_key", "binding"), [(KEY + "x", "b"), (KEY, "another")])
def test_another_key_or_another_place_opens_nothing(secret_key: str, binding: str) -> None:
    sealed = seal({"apiKey": "k"}, secret_key=KEY, binding="b")
    assert unseal(sealed, secret_key=secret_key, binding=binding) is None


def test_what_was_touched_opens_nothing() -> None:
    sealed = seal({"apiKey": "k"}, secret_key=KEY, binding="b")
    touched = sealed[:40] + ("A" if sealed[40] != "A" else "B") + sealed[41:]
    assert unseal(touched, secret_key=KEY, binding="b") is None
    assert unseal("", secret_key=KEY, binding="b") is None
