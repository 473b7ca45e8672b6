from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import BootFiles
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import HEALTHY, SILENT, changed, only, run, with_guest

CODE, VARS, TEMPLATE = "/usr/share/OVMF/OVMF_CODE.fd", "/nvram/web01_VARS.fd", "/usr/share/OVMF/OVMF_VARS.fd"
UEFI = with_guest(boot=BootFiles(loader=CODE, nvram=VARS, nvram_template=TEMPLATE))
SIZES = {CODE: 1_966_080, VARS: 131_072, TEMPLATE: 131_072}


def uefi(base: Facts = UEFI, **there: int | Unknown | None) -> Facts:
    """Both hosts with the same files, but for what the destination has else."""
    names = {"code": CODE, "nvram": VARS, "template": TEMPLATE}
    other = {names[name]: size for name, size in there.items()}
    return changed(base, source_firmware=SIZES, target_firmware=SIZES | other)


def test_passes_without_firmware_of_its_own() -> None:
    assert run("firmware_size", HEALTHY) == ()


def test_passes_with_the_same_sizes() -> None:
    assert run("firmware_size", uefi()) == ()


def test_passes_where_libvirt_makes_the_variables() -> None:
    assert run("firmware_size", uefi(nvram=None)) == ()
    bare = with_guest(boot=BootFiles(loader=CODE, nvram=VARS))
    assert run("firmware_size", uefi(bare, nvram=None)) == ()


def test_a_missing_file_is_for_another_check() -> None:
    assert run("firmware_size", uefi(code=None)) == ()
    assert run("firmware_size", uefi(nvram=None, template=None)) == ()


def test_firmware_of_another_size_blocks() -> None:
    finding = only("firmware_size", uefi(code=3_653_632), Severity.BLOCKER)
    assert finding.summary == "The firmware of web01 is 1.9 MiB on kvm-a and 3.5 MiB on kvm-b: QEMU refuses that."
    assert finding.affects == f"file {CODE}"


@pytest.mark.parametrize(
    ("there", "file"), [({"nvram": 540_672}, VARS), ({"nvram": None, "template": 540_672}, TEMPLATE)]
)
def test_variables_of_another_size_block(there: dict[str, int | None], file: str) -> None:
    finding = only("firmware_size", uefi(**there), Severity.BLOCKER)
    assert finding.summary.startswith("The file of UEFI variables of web01 is 128 KiB on kvm-a and 528 KiB on kvm-b")
    assert finding.evidence["kvm-b"] == f"{file}, 528 KiB"


def test_a_size_that_one_host_does_not_tell_is_unknown() -> None:
    finding = only("firmware_size", uefi(code=SILENT), Severity.UNKNOWN)
    assert finding.evidence["why"] == SILENT.reason
    for side in ("source_firmware", "target_firmware"):
        for fact in ({side: SILENT}, {side: {}}):
            found = run("firmware_size", changed(uefi(), **fact))
            assert [one.severity for one in found] == [Severity.UNKNOWN, Severity.UNKNOWN]
    only("firmware_size", changed(uefi(), source_firmware=SIZES | {CODE: None}), Severity.UNKNOWN)


def test_firmware_that_libvirt_offers_there_is_no_obstacle_where_nobody_tells_sizes() -> None:
    """As over plain TCP, or to an ssh user who may not read the file: an ordinary VM has no unknown."""
    domcaps = HEALTHY.target.domcaps
    assert not isinstance(domcaps, Unknown)
    offered = changed(uefi(), target_firmware=SILENT, target_domcaps=replace(domcaps, loaders=(CODE,)))
    found = run("firmware_size", offered)
    assert [one.severity for one in found] == [Severity.INFO, Severity.INFO]
    blocked = changed(offered, target_firmware=SIZES | {CODE: 3_653_632})
    only("firmware_size", blocked, Severity.BLOCKER)


def test_another_unknown_hides_no_blocker() -> None:
    found = run("firmware_size", uefi(code=SILENT, nvram=540_672))
    assert [one.severity for one in found] == [Severity.UNKNOWN, Severity.BLOCKER]
