"""What tests of the product's parts share: the API as Flask answers it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from broadcast.web import create_app
from broadcast.wiring import Services


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return create_app(services).test_client()
