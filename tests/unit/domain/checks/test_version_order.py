from __future__ import annotations

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, identity, only, run, with_source, with_target


def test_passes_for_equal_and_newer() -> None:
    assert run("version_order", HEALTHY) == ()
    assert run("version_order", with_target(identity=identity(libvirt=11_003_000, qemu=10_000_000))) == ()


def test_an_older_libvirt_is_a_warning_with_numbers() -> None:
    finding = only("version_order", with_target(identity=identity(libvirt=8_000_000)), Severity.WARNING)
    assert finding.evidence == {"kvm-a": "9.0.0", "kvm-b": "8.0.0"}


def test_both_older_are_two_warnings() -> None:
    found = run("version_order", with_target(identity=identity(libvirt=8_000_000, qemu=6_002_000)))
    assert [finding.severity for finding in found] == [Severity.WARNING, Severity.WARNING]


def test_a_version_that_a_host_does_not_say_is_unknown_and_hides_nothing() -> None:
    finding = only("version_order", with_target(identity=identity(qemu=0)), Severity.UNKNOWN)
    assert "kvm-b does not report its QEMU version" in finding.summary
    only("version_order", with_source(identity=identity(qemu=0)), Severity.UNKNOWN)
    found = run("version_order", with_target(identity=identity(libvirt=8_000_000, qemu=0)))
    assert [finding.severity for finding in found] == [Severity.WARNING, Severity.UNKNOWN]


def test_unknown_when_the_destination_is_silent() -> None:
    only("version_order", with_target(identity=SILENT), Severity.UNKNOWN)
