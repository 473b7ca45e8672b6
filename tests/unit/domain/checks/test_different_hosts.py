from __future__ import annotations

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, identity, only, run, with_source, with_target


def test_passes_for_two_hosts() -> None:
    assert run("different_hosts", HEALTHY) == ()


def test_the_same_host_blocks() -> None:
    only("different_hosts", with_target(name="kvm-a"), Severity.BLOCKER)


def test_a_cloned_host_blocks_and_shows_both_uuids() -> None:
    clone = identity(uuid="AAAAAAAA-0000-0000-0000-000000000001")
    finding = only("different_hosts", with_target(identity=clone), Severity.BLOCKER)
    assert finding.evidence["kvm-a"].lower() == finding.evidence["kvm-b"].lower()
    assert finding.remedies[0].on == "kvm-b"


def test_the_same_host_name_is_a_warning() -> None:
    only("different_hosts", with_target(identity=identity(hostname="kvm-a")), Severity.WARNING)


def test_a_host_without_a_uuid_is_unknown() -> None:
    only("different_hosts", with_target(identity=identity(uuid="")), Severity.UNKNOWN)
    only(
        "different_hosts",
        with_source(with_target(identity=identity(uuid="")), identity=identity(uuid="")),
        Severity.UNKNOWN,
    )


def test_unknown_when_the_destination_is_silent() -> None:
    only("different_hosts", with_target(identity=SILENT), Severity.UNKNOWN)
