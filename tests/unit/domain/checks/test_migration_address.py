from __future__ import annotations

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, identity, only, run, with_target


def test_passes_when_registered_whatever_the_host_is_called() -> None:
    assert run("migration_address", HEALTHY) == ()
    assert run("migration_address", with_target(identity=identity(hostname="localhost"))) == ()
    assert run("migration_address", with_target(identity=SILENT)) == ()


def test_without_one_it_is_good_to_know() -> None:
    finding = only("migration_address", with_target(migration_address=""), Severity.INFO)
    assert finding.evidence == {"hostname": "kvm-b", "migration address": "not set"}


def test_without_one_and_called_localhost_it_blocks() -> None:
    given = with_target(migration_address="", identity=identity(hostname="localhost.localdomain"))
    only("migration_address", given, Severity.BLOCKER)


def test_unknown_when_the_host_name_would_matter() -> None:
    only("migration_address", with_target(migration_address="", identity=SILENT), Severity.UNKNOWN)
