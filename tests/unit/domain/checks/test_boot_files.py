from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import BootFiles
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, domcaps, facts, only, run, with_guest

KERNEL = with_guest(boot=BootFiles(kernel="/boot/vmlinuz", initrd="/boot/initrd"))
UEFI = with_guest(boot=BootFiles(loader="/usr/share/OVMF/OVMF_CODE_4M.fd"))


def test_passes_without_boot_files_whatever_the_destination_says() -> None:
    assert run("boot_files", HEALTHY) == ()
    assert run("boot_files", facts(target_files=SILENT)) == ()


def test_passes_when_they_are_there() -> None:
    assert run("boot_files", replace(KERNEL, target_files={"/boot/vmlinuz": True, "/boot/initrd": True})) == ()


def test_passes_for_firmware_that_libvirt_offers() -> None:
    offered = replace(domcaps, loaders=("/usr/share/OVMF/OVMF_CODE_4M.fd",))
    assert run("boot_files", replace(UEFI, target_domcaps=offered, target_files=SILENT)) == ()


def test_a_missing_file_blocks() -> None:
    given = replace(KERNEL, target_files={"/boot/vmlinuz": True, "/boot/initrd": False})
    finding = only("boot_files", given, Severity.BLOCKER)
    assert finding.summary == "kvm-b does not have the initrd /boot/initrd."


def test_unknown_per_file() -> None:
    given = replace(KERNEL, target_files={"/boot/vmlinuz": True, "/boot/initrd": SILENT})
    assert only("boot_files", given, Severity.UNKNOWN).evidence["why"] == "kvm-b did not say"
    only("boot_files", replace(KERNEL, target_files={"/boot/vmlinuz": True}), Severity.UNKNOWN)


def test_unknown_when_nobody_could_look() -> None:
    only("boot_files", replace(UEFI, target_files=SILENT, target_domcaps=SILENT), Severity.UNKNOWN)
