"""What all tests share: four people, and an order that fails early. Their data folder: environment.py."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.core.management.commands import flush

from lab import Lab, Wanted

#: pure tests first: they take seconds and find most mistakes
ORDER = ("unit", "db", "web", "ws", "lab_self", "lab", "faults", "browser")
#: minutes each: of several workers, one begins with them
LONG = ("db/test_on_postgres.py", "db/test_serve.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(here)
        if hasattr(config, "workerinput") and str(path) in LONG:
            return -1
        return ORDER.index(path.parts[0]) if path.parts[0] in ORDER else 0

    items.sort(key=place)


def pytest_configure(config: pytest.Config) -> None:
    """SIGTERM tears fixtures down as Ctrl-C does: no namespace, process or mount is left behind. Also in the background
    of a shell, where Ctrl-C is ignored."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # The same examples in each run, and as long as they take: a run is red because of a change, not by chance or load.
    slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("kvmweb", deadline=None, derandomize=True, suppress_health_check=slow)
    hypothesis.settings.load_profile("kvmweb")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # none need be slow to guess
    # straight from where they are, not collected; tests/web/test_first_load.py has them as an installation serves them
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.SERVESTATIC_USE_FINDERS = True
    settings.SERVESTATIC_AUTOREFRESH = True  # look for a file when it is asked for, not for all with every client


@pytest.fixture(autouse=True, scope="session")
def _quick_flush() -> Iterator[None]:
    """After a test with transactions all rows go, but those that only Django writes: to write them anew, by a signal,
    takes longer than most tests."""
    kept = {"django_content_type", "auth_permission"}

    def sql_flush(style: Any, connection: Any, **options: bool) -> list[str]:
        tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        return list(connection.ops.sql_flush(style, sorted({*tables} - kept), **options))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "sql_flush", sql_flush)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_, **__: None)
        yield


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Two hosts, for all tests of a run. KVMWEB_LAB_PREFIX names a lab that is up already, for work on a single test."""
    if prefix := os.environ.get("KVMWEB_LAB_PREFIX"):
        yield _on_gluster(Lab.load(prefix))
        return
    made = Lab.up(Wanted(prefix=f"t{os.getpid() % 100_000}", hosts=2, profile="test", owned=True))
    try:
        yield _on_gluster(made)
    finally:
        made.down()


def _on_gluster(lab: Lab) -> Lab:
    """With the fallback libvirt calls every live migration unsafe, so these tests would prove nothing."""
    assert lab.state.shared_storage == "glusterfs", lab.state.fallback_reason
    return lab


def _person(name: str, role: str) -> Any:
    from django.contrib.auth.models import User

    user = User.objects.create_user(name, password=f"{name}-password-1")
    if role:
        user.grants.create(role=role)
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
