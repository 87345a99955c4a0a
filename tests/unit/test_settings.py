"""A wrong setting stops the start with its name and a remedy; every setting is documented."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from broadcast.domain.phrases import DEFAULT_WORDS
from broadcast.errors import SettingsError
from broadcast.gateways.catalogue import DIALECTS, build
from broadcast.settings import ACCESS, Settings, variable_of

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def test_an_empty_environment_is_fine() -> None:
    settings = Settings.read({})
    assert (settings.port, settings.gateway, settings.default_rate_limit_ms) == (3001, "sandbox", 2000)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "70000"),
        ("REDIS_URL", "localhost:6379"),
        ("BROKER_URL", "kafka://x"),
        ("GATEWAY", "telegram"),
        ("DEFAULT_RATE_LIMIT_MS", "2s"),
        ("DEFAULT_RATE_LIMIT_MS", "5"),
        ("SEND_RATE_LIMIT", "fast"),
        ("SEND_RATE_LIMIT", "0/s"),
        ("SEND_TIMEOUT_S", "0"),
        ("API_KEYS", "crm"),
        ("API_KEYS", "crm:short"),
        ("API_KEYS", "a:same-secret,b:same-secret"),
        ("SUPABASE_JWT_SECRET", "s" * 31),
        ("API_RATE_LIMIT", "fast"),
        ("API_RATE_LIMIT", "0/s"),
        ("API_RATE_LIMIT", "600"),
        ("TRUST_PROXY", "yes"),
        ("DEFAULT_COUNTRY", "brazil"),
        ("DEFAULT_TIME_ZONE", "localtime"),
        ("OPTOUT_WORDS", "SAIR;PARE"),
        ("OPTOUT_WORDS", "="),
        ("OPTOUT_WORDS", "SAIR, !!"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("FLOWER_BASIC_AUTH", "nobody"),
        ("FLOWER_URL", "flower.example"),
        ("FLOWER_URL", "javascript:alert(1)"),
        ("FLOWER_URL", "https:///flower"),
        ("FLOWER_URL", "https://crm:secret@flower.example"),
        ("EVOLUTION_URL", "evolution.example"),
        ("EVOLUTION_API_KEY", "a key"),
        ("CLOUD_API_URL", "graph.facebook.com/v23.0"),
        ("CLOUD_API_TOKEN", "EAA\u0142"),
        ("WAHA_URL", "ftp://waha.example"),
        ("WAHA_API_KEY", "two words"),
        ("SECRET_KEY", "x" * 31),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({name: value})
    assert caught.value.name == name
    assert caught.value.remedy


def test_the_value_of_a_secret_is_never_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({"API_KEYS": "crm:tiny!"})
    assert "tiny!" not in str(caught.value)
    assert "secret-of-crm" not in repr(Settings.read({"API_KEYS": "crm:secret-of-crm"}).api_keys)


def test_settings_that_contradict_each_other_are_named() -> None:
    with pytest.raises(SettingsError, match="EVOLUTION_URL"):
        Settings.read({"GATEWAY": "evolution"})
    with pytest.raises(SettingsError, match="PORT"):
        Settings.read({"WEBHOOK_PORT": "3001"})


#: GATEWAY -> what it cannot do without
NEEDED = {
    "evolution": {"EVOLUTION_URL": "https://evolution.example", "EVOLUTION_API_KEY": "k"},
    "cloud": {"CLOUD_API_TOKEN": "EAA"},
    "waha": {"WAHA_URL": "https://waha.example", "WAHA_API_KEY": "k"},
}


@pytest.mark.parametrize(
    ("gateway", "lacking"), [(name, lacking) for name, needed in NEEDED.items() for lacking in needed]
)
def test_a_gateway_that_lacks_something_is_not_started(gateway: str, lacking: str) -> None:
    # An empty text says nothing.
    with pytest.raises(SettingsError, match=f"{lacking}: missing, and GATEWAY is {gateway}"):
        Settings.read({"GATEWAY": gateway, **NEEDED[gateway], lacking: " "})


@pytest.mark.parametrize("gateway", ["sandbox", *NEEDED])
def test_a_gateway_of_the_settings_is_made_of_what_the_catalogue_names(gateway: str) -> None:
    access, dialect = ACCESS[gateway], DIALECTS[gateway]
    assert access.credentials.keys() <= dialect.credentials.keys()
    needed = {variable_of(access.credentials[name]) for name in dialect.required()}
    assert needed == NEEDED.get(gateway, {}).keys() - {variable_of(access.url)}
    assert [access.credentials[name] for name in dialect.checking()] == [access.checks_webhooks]

    settings = Settings.read({"GATEWAY": gateway, **NEEDED.get(gateway, {})})
    assert settings.gateway_credentials.keys() == set(dialect.required())
    assert build(gateway, url=settings.gateway_url, credentials=settings.gateway_credentials, timeout_s=1)


def test_every_dialect_can_be_set() -> None:
    assert ACCESS.keys() == DIALECTS.keys()


def test_words_of_the_operator_stand_beside_ours_or_instead() -> None:
    assert Settings.read({}).optout_words == Settings().optout_words == DEFAULT_WORDS
    assert Settings.read({"OPTOUT_WORDS": "2, Chega!"}).optout_words == DEFAULT_WORDS | {"2", "chega"}
    assert Settings.read({"OPTOUT_WORDS": "=SAIR"}).optout_words == {"sair"}


def test_a_key_may_be_limited_to_instances() -> None:
    crm, loja = Settings.read({"API_KEYS": "crm:secret-of-crm, loja:secret-of-loja:a|b"}).api_keys
    assert crm.may_use("anything")
    assert loja.may_use("b")
    assert not loja.may_use("c")


@pytest.mark.parametrize(
    ("text", "quota"), [("0", None), ("20/s", (20, 1000)), ("600/m", (600, 60_000)), ("5/h", (5, 3_600_000))]
)
def test_a_rate_is_so_many_in_so_many_ms(text: str, quota: tuple[int, int] | None) -> None:
    assert Settings.read({"API_RATE_LIMIT": text}).api_rate_limit == quota


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_is_documented(field: object) -> None:
    assert f"`{field.metadata['variable']}`" in REFERENCE.read_text()  # type: ignore[attr-defined]  # a field has it


@pytest.mark.parametrize(
    "environ",
    [
        {"GATEWAY": "evolution", "EVOLUTION_URL": "http://evolution:8080", "EVOLUTION_API_KEY": "k"},
        {"API_KEYS": "crm:a-long-secret"},
    ],
    ids=["a real gateway", "keys"],
)
def test_fault_injection_is_refused_in_production(environ: dict[str, str]) -> None:
    assert not Settings.read(environ).fault_injection
    with pytest.raises(SettingsError, match="FAULT_INJECTION"):
        Settings.read({**environ, "FAULT_INJECTION": "1"})
    assert Settings.read({"FAULT_INJECTION": "1"}).fault_injection
