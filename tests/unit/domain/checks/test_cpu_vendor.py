from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import Cpu
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, capabilities, only, run, with_guest, with_source, with_target

AMD = replace(capabilities, cpu_vendor="AMD", cpu_model="EPYC")


def test_passes_for_one_maker() -> None:
    assert run("cpu_vendor", HEALTHY) == ()


def test_passes_for_emulated_guests() -> None:
    assert run("cpu_vendor", with_guest(with_target(capabilities=AMD), virt_type="qemu")) == ()


def test_a_maker_that_is_not_said_is_unknown() -> None:
    only("cpu_vendor", with_target(capabilities=replace(AMD, cpu_vendor="")), Severity.UNKNOWN)
    only("cpu_vendor", with_source(capabilities=replace(AMD, cpu_vendor="")), Severity.UNKNOWN)


def test_passes_on_architectures_whose_makers_libvirt_does_not_know() -> None:
    given = with_guest(with_target(capabilities=replace(AMD, cpu_vendor="")), arch="aarch64")
    assert run("cpu_vendor", given) == ()


def test_intel_to_amd_blocks_in_words() -> None:
    finding = only("cpu_vendor", with_target(capabilities=AMD), Severity.BLOCKER)
    assert finding.summary == (
        "kvm-a has a CPU from Intel, kvm-b one from AMD: web01 cannot migrate between them while it is running."
    )
    assert finding.evidence == {"kvm-a": "Intel Skylake-Server", "kvm-b": "AMD EPYC"}


def test_a_model_without_a_vendor_that_both_can_run_is_no_obstacle() -> None:
    cpu = Cpu(mode="custom", model="x86-64-v2")
    given = with_guest(with_target(capabilities=AMD), cpu=cpu)
    assert "x86-64-v2" in only("cpu_vendor", given, Severity.INFO).summary
    only("cpu_vendor", with_target(given, cpu=(False, "incompatible")), Severity.BLOCKER)
    only("cpu_vendor", with_target(given, cpu=SILENT), Severity.BLOCKER)


def test_unknown_without_capabilities() -> None:
    only("cpu_vendor", with_target(capabilities=SILENT), Severity.UNKNOWN)
