"""A scene of two hosts, and a clock that runs fast: what takes a worker seconds takes a test milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from migrations_app.domain.orders import cancel
from migrations_app.domain.outcome import patience
from migrations_app.worker import adopt_migration, heartbeat, steady_connection
from migrations_app.worker.watch import observer, watch
from tests.db.moving import Scene
from tests.fakes.gateway import FakeHost


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(watch, "SECOND_LOOK_SECONDS", 0.6)
    monkeypatch.setattr(cancel, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(observer, "SETTLES_SECONDS", 0.15)
    monkeypatch.setattr(observer, "SILENT_SECONDS", 0.1)
    for name, seconds in {
        "SETTLED_S": 0.06,
        "HANDOVER_S": 0.8,
        "RESUME_S": 0.8,
        "STALE_INCOMING_S": 0.8,
        "POOL_S": 0.8,
        "SWITCHOVER_S": 2.0,
        "SILENCE_S": 2.0,
        "JOB_WAIT_S": 1.2,
    }.items():
        monkeypatch.setattr(patience, name, seconds)
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(steady_connection, "_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(adopt_migration, "_CONNECT_PATIENCE", 0.5)


@pytest.fixture
def scene(transactional_db: None, operator: Any, fast: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Also a proof: no host is asked anything while a database transaction is open."""
    inside: list[str] = []
    called = FakeHost.called

    def watched(self: FakeHost, method: str, *arguments: Any) -> None:
        if connection.in_atomic_block:
            inside.append(method)
        called(self, method, *arguments)

    monkeypatch.setattr(FakeHost, "called", watched)
    yield Scene(operator)
    assert inside == []
