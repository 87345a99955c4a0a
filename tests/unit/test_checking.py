"""Settings that contradict each other, and a disk that fills up."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadcast.cli.checking import judge_disk, judge_keys, judge_settings
from broadcast.domain.finding import Level
from broadcast.settings import Settings

KEYS = "crm:secret-of-crm"
EVOLUTION = {"GATEWAY": "evolution", "EVOLUTION_URL": "https://evolution.example", "EVOLUTION_API_KEY": "k"}
FINE = {**EVOLUTION, "API_KEYS": KEYS, "WEBHOOK_TOKEN": "t"}


@pytest.mark.parametrize("environ", [{}, FINE, {"FANOUT_HORIZON_S": "23"}], ids=["none", "evolution", "just"])
def test_settings_that_agree_are_fine(environ: dict[str, str]) -> None:
    (found,) = judge_settings(Settings.read({**environ}))
    assert found.level is Level.OK, found


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        ({"API_KEYS": KEYS, "WEBHOOK_TOKEN": "t"}, "sandbox"),
        ({"EVOLUTION_URL": "https://evolution.example"}, "sandbox"),
        ({"CLOUD_API_TOKEN": "EAA"}, "sandbox"),
        ({"WAHA_URL": "https://waha.example"}, "sandbox"),
        ({**FINE, "WEBHOOK_TOKEN": ""}, "WEBHOOK_TOKEN"),
        ({**FINE, "GATEWAY": "cloud", "CLOUD_API_TOKEN": "EAA"}, "CLOUD_APP_SECRET"),
        ({**FINE, "GATEWAY": "waha", "WAHA_URL": "https://waha.example", "WAHA_API_KEY": "k"}, "WAHA_HMAC_KEY"),
        ({"SEND_TIMEOUT_S": "44"}, "hold a task for 60 s"),
        ({"FANOUT_HORIZON_S": "24", "SEND_TIMEOUT_S": "30"}, "hold a task for 60 s"),
        ({"SEND_RATE_LIMIT": "29/m"}, "SEND_RATE_LIMIT"),
        ({"SEND_RATE_LIMIT": "99/s", "DEFAULT_RATE_LIMIT_MS": "10"}, "SEND_RATE_LIMIT"),
        ({"WORKER_HTTP_PORT": "3002"}, "WEBHOOK_PORT"),
    ],
)
def test_settings_that_contradict_each_other_are_a_warning(environ: dict[str, str], word: str) -> None:
    (found,) = judge_settings(Settings.read(environ))
    assert (found.level, word in found.text, bool(found.remedy)) == (Level.WARNING, True, True), found


def test_a_real_gateway_without_any_key_is_a_warning() -> None:
    (found,) = judge_keys(is_any=False)
    assert (found.level, "keys create" in found.remedy) == (Level.WARNING, True)
    assert judge_keys(is_any=True) == []


@pytest.mark.parametrize(("free_mb", "level"), [(99, Level.ERROR), (100, Level.WARNING), (1024, Level.OK)])
def test_a_disk_that_fills_up_is_told_of_in_time(free_mb: int, level: Level) -> None:
    assert judge_disk(Path("data"), free_mb * 2**20).level is level
