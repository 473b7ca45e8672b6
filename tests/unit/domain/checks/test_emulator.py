from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, capabilities, changed, only, run, with_guest, with_target

OFFER = capabilities.guests[0]


def test_passes_when_it_is_there() -> None:
    assert run("emulator", HEALTHY) == ()


UNLISTED = with_guest(emulator="/usr/bin/kvm")


def test_passes_for_a_path_that_libvirt_answers_for_without_listing_it() -> None:
    assert run("emulator", UNLISTED) == ()


def test_passes_for_a_path_that_somebody_saw() -> None:
    assert run("emulator", changed(UNLISTED, target_domcaps=SILENT, target_files={"/usr/bin/kvm": True})) == ()


def test_a_path_that_is_not_there_blocks_and_shows_what_is() -> None:
    given = changed(UNLISTED, target_domcaps=SILENT, target_files={"/usr/bin/kvm": False})
    finding = only("emulator", given, Severity.BLOCKER)
    assert finding.evidence == {
        "needed": "/usr/bin/kvm",
        "there": "/usr/bin/qemu-system-x86_64",
        "libvirt": SILENT.reason,
    }


def test_a_path_that_nobody_knows_is_unknown() -> None:
    only("emulator", changed(UNLISTED, target_domcaps=SILENT), Severity.UNKNOWN)
    only("emulator", changed(UNLISTED, target_domcaps=SILENT, target_files=SILENT), Severity.UNKNOWN)


def test_no_kvm_blocks() -> None:
    given = with_target(capabilities=replace(capabilities, guests=(replace(OFFER, domain_types=("qemu",)),)))
    finding = only("emulator", given, Severity.BLOCKER)
    assert finding.summary == "kvm-b cannot run VMs of type kvm, such as web01."


def test_another_architecture_blocks_once() -> None:
    finding = only("emulator", with_guest(arch="aarch64"), Severity.BLOCKER)
    assert finding.evidence == {"needed": "aarch64", "there": "x86_64"}


def test_unknown_without_capabilities() -> None:
    only("emulator", with_target(capabilities=SILENT), Severity.UNKNOWN)
