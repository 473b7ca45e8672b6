"""What all tests share: four people, and an order that fails early. Their data folder: environment.py."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

#: pure tests first: they take seconds and find most mistakes
ORDER = ("unit", "db", "web", "ws", "lab_self", "lab", "faults", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0]
        return ORDER.index(folder) if folder in ORDER else 0

    items.sort(key=place)


def pytest_configure(config: pytest.Config) -> None:
    """SIGTERM tears fixtures down as Ctrl-C does: no namespace, process or mount is left behind. Also in the background
    of a shell, where Ctrl-C is ignored."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _person(name: str, role: str) -> Any:
    from django.contrib.auth.models import Group, User

    user = User.objects.create_user(name, password=f"{name}-password-1")
    if role:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


@pytest.fixture
def viewer(db: None) -> Any:
    return _person("vera", "viewer")


@pytest.fixture
def operator(db: None) -> Any:
    return _person("olga", "operator")


@pytest.fixture
def admin(db: None) -> Any:
    return _person("anna", "admin")


@pytest.fixture
def stranger(db: None) -> Any:
    """Has a login and no role."""
    return _person("stan", "")
