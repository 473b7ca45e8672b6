from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import BootFiles
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, changed, domcaps, facts, only, run, with_guest

FILES = {
    "kernel": "/boot/vmlinuz",
    "initrd": "/boot/initrd",
    "dtb": "/boot/board.dtb",
    "loader": "/usr/share/OVMF/OVMF_CODE_4M.fd",
}
WORDS = {"kernel": "kernel", "initrd": "initrd", "dtb": "device tree", "loader": "firmware"}
THERE = dict.fromkeys(FILES.values(), True)
ALL = with_guest(boot=BootFiles(**FILES))
UEFI = with_guest(boot=BootFiles(loader=FILES["loader"]))


def test_passes_without_boot_files_whatever_the_destination_says() -> None:
    assert run("boot_files", HEALTHY) == ()
    assert run("boot_files", facts(target_files=SILENT)) == ()


def test_passes_when_they_are_there() -> None:
    assert run("boot_files", changed(ALL, target_files=THERE)) == ()


def test_passes_for_firmware_that_is_there_and_that_libvirt_does_not_offer() -> None:
    there = {FILES["loader"]: True}
    assert run("boot_files", changed(UEFI, target_files=there)) == ()
    assert run("boot_files", changed(UEFI, target_files=there, target_domcaps=SILENT)) == ()


def test_passes_for_firmware_that_libvirt_offers() -> None:
    offered = replace(domcaps, loaders=(FILES["loader"],))
    assert run("boot_files", changed(UEFI, target_domcaps=offered, target_files=SILENT)) == ()


@pytest.mark.parametrize("which", FILES)
def test_a_missing_file_blocks(which: str) -> None:
    path, words = FILES[which], WORDS[which]
    finding = only("boot_files", changed(ALL, target_files=THERE | {path: False}), Severity.BLOCKER)
    assert finding.summary == f"kvm-b does not have {path}, the {words} of web01."
    assert finding.evidence == {words: path, "on kvm-b": "missing"}


def test_every_missing_file_is_told() -> None:
    found = run("boot_files", changed(ALL, target_files=dict.fromkeys(FILES.values(), False)))
    assert [(finding.severity, finding.affects) for finding in found] == [
        (Severity.BLOCKER, f"file {path}") for path in FILES.values()
    ]


@pytest.mark.parametrize("which", FILES)
def test_unknown_per_file(which: str) -> None:
    path = FILES[which]
    finding = only("boot_files", changed(ALL, target_files=THERE | {path: SILENT}), Severity.UNKNOWN)
    assert finding.summary == f"kvmweb cannot tell whether kvm-b has {path}, the {WORDS[which]} of web01."
    assert finding.evidence["why"] == "kvm-b did not say."
    others = {there: True for there in THERE if there != path}
    only("boot_files", changed(ALL, target_files=others), Severity.UNKNOWN)


@pytest.mark.parametrize("which", FILES)
def test_unknown_when_nobody_could_look(which: str) -> None:
    given = with_guest(boot=BootFiles(**{which: FILES[which]}))
    only("boot_files", changed(given, target_files=SILENT, target_domcaps=SILENT), Severity.UNKNOWN)
