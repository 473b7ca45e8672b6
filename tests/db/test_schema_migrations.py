"""An installation that is upgraded keeps what it knew."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

BEFORE, AFTER = ("migrations_app", "0006_slot_until"), ("migrations_app", "0008_flags_are_orders")
NOW = timezone.now()
VOLUME = {"target": "vda", "pool": "default", "name": "x.qcow2", "path": "/p/x.qcow2"}


def migrate(to: tuple[str, str]) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate([to])
    loader = MigrationExecutor(connection).loader
    hosts = [node for node in loader.graph.leaf_nodes() if node[0] == "hosts"]
    return loader.project_state([to, *hosts]).apps


@pytest.fixture
def old(transactional_db: None) -> Any:
    apps = migrate(BEFORE)
    yield apps
    MigrationExecutor(connection).migrate(MigrationExecutor(connection).loader.graph.leaf_nodes())


def _row(apps: Any, name: str, **fields: Any) -> int:
    Host, Guest = apps.get_model("hosts", "Host"), apps.get_model("hosts", "Guest")
    hosts = [Host.objects.get_or_create(name=host, address=host)[0] for host in ("kvm-a", "kvm-b")]
    guest = Guest.objects.create(uuid=uuid4(), name=name, memory_kib=1)
    rows = apps.get_model("migrations_app", "Migration").objects
    made = rows.create(
        guest=guest, guest_name=name, source=hosts[0], target=hosts[1], kind="live", state_since=NOW, **fields
    )
    return int(made.pk)


def test_a_flag_to_cancel_becomes_an_order(old: Any) -> None:
    flag = {"cancel_requested_at": NOW, "cancelled_by_name": "olga"}
    pks = {
        "runs": _row(old, "a", state="copying_memory", **flag),
        "stopped": _row(old, "b", state="cancelled", finished_at=NOW, **flag),
        "late": _row(old, "c", state="done", finished_at=NOW, **flag),
        "none": _row(old, "d", state="done"),
    }
    orders = migrate(AFTER).get_model("migrations_app", "Order").objects
    found = {row.migration_id: (row.what, row.state, row.asked_at, row.asked_by_name) for row in orders.all()}
    assert found == {
        pks["runs"]: ("cancel", "taken", NOW, "olga"),
        pks["stopped"]: ("cancel", "applied", NOW, "olga"),
        pks["late"]: ("cancel", "refused", NOW, "olga"),
    }


def test_volumes_that_were_made_become_steps(old: Any) -> None:
    identity = {"capacity": 1, "format": "qcow2", "modified": 0.0, "file": ""}
    made = [
        {**VOLUME, "made": True, "identity": identity},
        {**VOLUME, "target": "vdb", "made": True, "identity": None},
        {**VOLUME, "target": "vdc", "made": False, "identity": None},
    ]
    pk = _row(old, "a", state="starting", created_volumes=made)
    steps = migrate(AFTER).get_model("migrations_app", "Migration").objects.get(pk=pk).steps
    assert [(step["about"]["target"], step["state"], step["evidence"]) for step in steps] == [
        ("vda", "verified", identity), ("vdb", "done", None), ("vdc", "begun", None),
    ]  # fmt: skip
    assert steps[0]["about"] == VOLUME
