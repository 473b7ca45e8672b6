"""What all tests share: a data folder of their own, four people, and an order that fails early."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

#: an installation's settings must not reach the tests; KVMWEB_LAB_PREFIX names a lab that is up already
for _name in [name for name in os.environ if name.startswith("KVMWEB_")]:
    if _name not in ("KVMWEB_LAB_PREFIX", "KVMWEB_DATABASE_URL"):
        del os.environ[_name]
_folder = tempfile.TemporaryDirectory(prefix="kvmweb-tests-")
os.environ["KVMWEB_DATA_DIR"] = _folder.name

import pytest  # noqa: E402

#: pure tests first: they take seconds and find most mistakes
ORDER = ("unit", "db", "web", "ws", "lab", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0]
        return ORDER.index(folder) if folder in ORDER else 0

    items.sort(key=place)


def pytest_configure(config: pytest.Config) -> None:
    """SIGTERM tears fixtures down as Ctrl-C does: no namespace, process or mount is left behind."""
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))


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
