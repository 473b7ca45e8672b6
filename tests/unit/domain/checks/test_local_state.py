from __future__ import annotations

from dataclasses import replace

from hosts.facts import domain_xml
from hosts.facts.guest import BootFiles
from migrations_app.domain.kinds import Kind
from migrations_app.domain.own_files import OwnFile, own_files
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.data import read
from tests.unit.domain.factories import LOCAL, SHARED, SILENT, cold, only, run, with_guest

NVRAM = "/var/lib/libvirt/qemu/nvram/web01_VARS.fd"


def with_nvram(path: str, **changes: object) -> Facts:
    return cold(with_guest(boot=BootFiles(loader="/OVMF_CODE.fd", nvram=path)), **changes)


def test_passes_for_a_bios_guest_without_a_tpm() -> None:
    assert run("local_state", cold()) == ()


def test_passes_for_variables_on_shared_storage() -> None:
    assert run("local_state", with_nvram(SHARED.rpartition("/")[0] + "/web01_VARS.fd")) == ()


def test_passes_for_a_vm_that_never_started() -> None:
    assert run("local_state", with_nvram(NVRAM, source_firmware={NVRAM: None})) == ()


def test_variables_in_a_file_of_the_source_block() -> None:
    for path in (NVRAM, LOCAL):
        for size in (SILENT, {path: 540672}, {path: SILENT}):
            finding = only("local_state", with_nvram(path, source_firmware=size), Severity.BLOCKER)
            assert finding.affects == f"file {path}"


def test_variables_at_an_unknown_place_block() -> None:
    given = cold(with_guest(leaves=(("os/@firmware", "efi"),)))
    assert "cannot tell where" in only("local_state", given, Severity.BLOCKER).summary


def test_an_emulated_tpm_blocks() -> None:
    given = cold(with_guest(leaves=(("devices/tpm/backend/@type", "emulator"),)))
    assert "emulated TPM" in only("local_state", given, Severity.BLOCKER).summary
    assert run("local_state", cold(with_guest(leaves=(("devices/tpm/backend/@type", "passthrough"),)))) == ()


def test_unknown_blocks() -> None:
    only("local_state", cold(source_pools=SILENT), Severity.BLOCKER)


TPM = (("devices/tpm/backend/@type", "emulator"),)


def stopped(facts: Facts) -> Facts:
    return replace(facts, request=replace(facts.request, kind=Kind.STOP_MOVE_START))


def test_what_is_shut_down_for_it_takes_both_along() -> None:
    assert run("local_state", stopped(with_nvram(NVRAM, source_firmware={NVRAM: 540672}))) == ()
    assert run("local_state", stopped(cold(with_guest(leaves=TPM)))) == ()


def test_state_of_a_tpm_at_another_place_blocks() -> None:
    given = stopped(cold(with_guest(leaves=(*TPM, ("devices/tpm/backend/source/@path", "/srv/tpm")))))
    assert "only from libvirt's own place" in only("local_state", given, Severity.BLOCKER).summary


def test_variables_at_an_unknown_place_block_that_too() -> None:
    only("local_state", stopped(cold(with_guest(leaves=(("os/@firmware", "efi"),)))), Severity.BLOCKER)


def test_variables_that_only_the_name_tells_are_carried() -> None:
    """The saved definition of a VM of Debian 12 that virt-manager made, and so of one that was shut down to migrate."""
    saved = domain_xml.parse(read("ordinary/debian12-virt-manager.inactive.xml"))
    path = "/var/lib/libvirt/qemu/nvram/debian12-virt-manager_VARS.fd"
    assert OwnFile(what="UEFI variables", path=path) in own_files(saved)
    assert run("local_state", stopped(cold(with_guest(boot=saved.boot), source_firmware={path: 540672}))) == ()
