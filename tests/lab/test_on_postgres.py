"""Processes killed during a migration, as in other tests, but with PostgreSQL instead of SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lab import Lab
from tests.lab.serving import Serving
from tests.lab.test_migration import (
    test_a_killed_watcher_changes_nothing as test_a_killed_watcher,
)
from tests.lab.test_migration import (
    test_a_killed_web_server_changes_nothing as test_a_killed_web_server,
)
from tests.lab.test_migration import (
    test_a_killed_worker_is_replaced_and_libvirt_not_disturbed as test_a_killed_worker,
)
from tests.lab.test_migration import (
    test_kvmweb_that_ends_in_the_middle_and_comes_back_tells_the_true_end as test_a_killed_kvmweb,
)
from tests.lab.test_migration import (
    test_two_requests_at_once_are_one_migration as test_two_requests_at_once,
)
from tests.postgres import postgres

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
__all__ = [
    "test_a_killed_kvmweb",
    "test_a_killed_watcher",
    "test_a_killed_web_server",
    "test_a_killed_worker",
    "test_two_requests_at_once",
]


@pytest.fixture(scope="module")
def on_postgres(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with postgres() as url:
        with psycopg.connect(url.replace("/kvmweb?", "/postgres?"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE kvmweb")
        serving = Serving(lab, Path(tmp_path_factory.mktemp("on-postgres")), KVMWEB_DATABASE_URL=url)
        serving.prepare()
        serving.start()
        try:
            serving.register_hosts()
            assert not list(serving.folder.glob("*.sqlite3"))
            yield serving
        finally:
            serving.stop()


@pytest.fixture
def fresh(lab: Lab, on_postgres: Serving) -> Serving:
    """In place of the one that lab/conftest.py gives to the same tests."""
    lab.reset()
    on_postgres.wait_for_hosts()
    on_postgres.wait_for_guest("web-01", "kvm-a", seconds=30)
    return on_postgres
