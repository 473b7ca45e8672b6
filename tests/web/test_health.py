"""The health page and `GET /health`: what they read, and what they say when it cannot be read."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from hosts.models import Host
from kvmweb import backup
from kvmweb.health import report
from kvmweb.serve import busy, pulse
from tests.web import seed
from tests.web.api_client import Api
from tests.web.pages import flat

NAMES = [
    "Process serve",
    "Process web",
    "Process watcher",
    "Workers kvmweb",
    "Workers migrations",
    "Queue kvmweb",
    "Queue migrations",
    "Journal",
    "Database",
    "Disk space",
    "Hosts",
    "Backup",
]


@pytest.fixture
def alive(scene: dict[str, Any]) -> None:
    """All processes have reported just now."""
    for name in ("serve", "web", "watcher", "journal"):
        pulse.beat(name)
    for cluster in ("kvmweb", "migrations"):
        busy.pulse(cluster).touch()


@pytest.fixture
def nobody_reports(scene: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings.KVMWEB.model_copy(update={"data_dir": tmp_path})
    monkeypatch.setattr(settings, "KVMWEB", config)


def _states() -> dict[str, str]:
    return {row.name: row.state for row in report.rows()}


def test_the_page_has_a_row_for_each_part(as_admin: Client, alive: None) -> None:
    answer = as_admin.get("/console/health/")
    assert [row.name for _, row in answer.context["rows"]] == NAMES
    assert "<strong>Process watcher</strong>" in flat(answer)


def test_the_api_has_the_same(scene: dict[str, Any], alive: None) -> None:
    body = Api(scene["admin"]).get("/health").json()
    assert [item["name"] for item in body["items"]] == NAMES
    assert set(body) == {"state", "items"}
    assert set(body["items"][0]) == {"name", "state", "text"}
    assert body["state"] == "unknown"  # no backup is recorded


def test_without_a_report_nothing_of_it_is_well(nobody_reports: None) -> None:
    states = _states()
    silent = [
        name for name in NAMES if name.startswith(("Process", "Workers")) or name in ("Journal", "Hosts", "Backup")
    ]
    assert {states[name] for name in silent} == {"unknown"}


def test_a_process_that_is_silent(alive: None) -> None:
    assert _states()["Process watcher"] == "well"
    old = time.time() - 120
    os.utime(pulse.file("watcher"), (old, old))
    states = _states()
    assert (states["Process watcher"], states["Hosts"]) == ("bad", "unknown")


def test_a_task_that_waits(alive: None) -> None:
    now = timezone.now()
    OrmQ.objects.create(key="migrations", payload="x", lock=now - timezone.timedelta(minutes=1))
    OrmQ.objects.create(key="kvmweb", payload="x", lock=now + timezone.timedelta(minutes=5))  # a worker has it
    states = _states()
    assert (states["Queue migrations"], states["Queue kvmweb"]) == ("warning", "well")


def test_hosts_that_are_away(alive: None) -> None:
    row = next(row for row in report.rows() if row.name == "Hosts")
    assert row.state == "warning"
    assert "kvm-c" in row.text


def test_a_backup_is_recorded(nobody_reports: None, tmp_path: Path) -> None:
    backup._record()
    assert _states()["Backup"] == "well"
    (tmp_path / "last_backup").write_text("yesterday")
    assert _states()["Backup"] == "unknown"


def test_a_part_that_fails_is_unknown_and_hides_no_other(alive: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise OperationalError("no such table")

    monkeypatch.setitem(report.PARTS, "Queues", broken)
    states = _states()
    assert states["Queues"] == "unknown"
    assert states["Process web"] == "well"


@pytest.mark.parametrize(("role", "status"), [("admin", 200), ("auditor", 200), ("operator", 403), ("viewer", 403)])
def test_it_is_for_admins_and_auditors(scene: dict[str, Any], role: str, status: int) -> None:
    person = seed.make_person(f"the-{role}", role)
    assert Api(person).get("/health").status_code == status


def test_the_certificate_counts_when_a_host_is_reached_by_tls(db: None) -> None:
    assert [row for row in report.rows() if row.name == "Certificate"] == []
    Host.objects.create(name="kvm-tls", transport="tls", address="192.0.2.7")
    row = next(row for row in report.rows() if row.name == "Certificate")
    assert row.state == "bad"
    assert "cacert.pem: No such file or directory" in row.text
