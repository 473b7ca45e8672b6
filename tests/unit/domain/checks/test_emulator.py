from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, capabilities, only, run, with_guest, with_target

OFFER = capabilities.guests[0]


def test_passes_when_it_is_there() -> None:
    assert run("emulator", HEALTHY) == ()


def test_another_path_blocks_and_shows_what_is_there() -> None:
    finding = only("emulator", with_guest(emulator="/usr/libexec/qemu-kvm"), Severity.BLOCKER)
    assert finding.evidence == {"needed": "/usr/libexec/qemu-kvm", "there": "/usr/bin/qemu-system-x86_64"}


def test_no_kvm_blocks() -> None:
    given = with_target(capabilities=replace(capabilities, guests=(replace(OFFER, domain_types=("qemu",)),)))
    finding = only("emulator", given, Severity.BLOCKER)
    assert finding.summary == "kvm-b cannot run VMs of type kvm."


def test_another_architecture_blocks_once() -> None:
    finding = only("emulator", with_guest(arch="aarch64"), Severity.BLOCKER)
    assert finding.evidence == {"needed": "aarch64", "there": "x86_64"}


def test_unknown_without_capabilities() -> None:
    only("emulator", with_target(capabilities=SILENT), Severity.UNKNOWN)
