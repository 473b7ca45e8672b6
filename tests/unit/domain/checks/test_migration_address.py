from __future__ import annotations

import pytest

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, identity, only, run, with_options, with_target


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


@pytest.mark.parametrize("option", ["migration_address", "listen_address"])
def test_an_address_of_the_request_must_be_one_of_the_destination(option: str) -> None:
    there = with_target(addresses=frozenset({"10.0.9.2"}))
    assert run("migration_address", with_options(there, **{option: "10.0.9.2"})) == ()
    assert run("migration_address", with_options(there, **{option: "kvm-b.example"})) == ()
    found = only("migration_address", with_options(there, **{option: "10.0.9.3"}), Severity.BLOCKER)
    assert found.summary == f"The {option.replace('_', ' ')} 10.0.9.3 is not an address of kvm-b."


def test_memory_is_not_sent_to_an_address_that_nobody_knows() -> None:
    silent = with_target(addresses=SILENT)
    only("migration_address", with_options(silent, migration_address="10.0.9.2"), Severity.BLOCKER)
    only("migration_address", with_options(silent, listen_address="10.0.9.2"), Severity.UNKNOWN)
    assert run("migration_address", with_options(silent, migration_address="10.0.1.2")) == ()
