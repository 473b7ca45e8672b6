"""What the database promises before any of our code does."""

from __future__ import annotations

import pytest
from django.db import connection, connections


@pytest.mark.django_db
def test_sqlite_survives_a_loss_of_power() -> None:
    with connection.cursor() as cursor:
        pragmas = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    full = 2
    assert pragmas == {"journal_mode": "wal", "synchronous": full}


def test_no_request_is_one_transaction() -> None:
    """A view that waits for the watcher must not hold the database meanwhile."""
    assert not any(settings["ATOMIC_REQUESTS"] for settings in connections.settings.values())
