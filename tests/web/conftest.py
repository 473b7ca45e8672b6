from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.web import seed


@pytest.fixture
def scene(db: None) -> dict[str, Any]:
    return seed.scene()


def client_of(user: Any, *, enforce_csrf_checks: bool = False) -> Client:
    client = Client(enforce_csrf_checks=enforce_csrf_checks)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def as_viewer(scene: dict[str, Any]) -> Client:
    return client_of(scene["viewer"])


@pytest.fixture
def as_operator(scene: dict[str, Any]) -> Client:
    return client_of(scene["olga"])


@pytest.fixture
def as_admin(scene: dict[str, Any]) -> Client:
    return client_of(scene["admin"])
