"""What tests of the product's parts share: the API as Flask answers it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from broadcast.engine import planning
from broadcast.receipts import routes
from broadcast.store import workers
from broadcast.web import create_app
from broadcast.wiring import Services


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign of life that a test gives lasts to its end, however slow the machine, and so does what a test booked."""
    monkeypatch.setattr(workers, "ALIVE_S", 600)
    monkeypatch.setattr(planning, "GRACE_MS", 600_000)


@pytest.fixture(autouse=True)
def talkative() -> None:
    """What is said once is said again in every test, whichever came before it."""
    routes._tell_of_nobody.cache_clear()


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return create_app(services).test_client()
