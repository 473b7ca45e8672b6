from __future__ import annotations

from dataclasses import replace

import pytest

from migrations_app.domain.definition.offered import ROWS, Row
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import SILENT, domcaps, only, run, with_guest, with_target

SPICE = with_guest(leaves=(("devices/graphics/@type", "spice"),))
TPM = with_guest(leaves=(("devices/tpm/backend/@type", "emulator"),))


def offering(**lists: set[str]) -> object:
    return replace(domcaps, offers={tuple(key.split("_")): frozenset(values) for key, values in lists.items()})


def test_passes_with_what_the_destination_offers() -> None:
    assert run("device_models", with_target(SPICE, domcaps=offering(graphics_type={"vnc", "spice"}))) == ()


def test_blocks_what_it_does_not_and_names_the_package() -> None:
    found = only("device_models", with_target(SPICE, domcaps=offering(graphics_type={"vnc"})), Severity.BLOCKER)
    assert found.summary == "QEMU on kvm-b has no graphics spice, which web01 uses."
    assert found.evidence == {"needed": "spice", "offered by kvm-b": "vnc"}
    found = only(
        "device_models", with_target(TPM, domcaps=offering(tpm_backendModel={"passthrough"})), Severity.BLOCKER
    )
    assert "swtpm" in found.remedies[0].text


def test_not_told_is_unknown() -> None:
    assert only("device_models", SPICE, Severity.UNKNOWN)
    assert only("device_models", with_target(SPICE, domcaps=SILENT), Severity.UNKNOWN)


def test_a_list_that_only_newer_ones_send_is_used_where_it_comes() -> None:
    version = with_guest(leaves=(("devices/tpm/backend/@version", "1.2"),))
    assert run("device_models", version) == ()
    assert only("device_models", with_target(version, domcaps=offering(tpm_backendVersion={"2.0"})), Severity.BLOCKER)


def test_without_such_devices_nobody_asks() -> None:
    assert run("device_models", with_target(domcaps=SILENT)) == ()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "/".join(row.paths[:1]))
def test_each_row_blocks_where_its_list_lacks_the_entry(row: Row) -> None:
    given = with_guest(leaves=((row.paths[0], (*row.when, "new")[0]),))
    lists = {(row.device, row.choice): frozenset({"other"})}
    (found,) = run("device_models", with_target(given, domcaps=replace(domcaps, offers=lists)))
    assert found.severity is Severity.BLOCKER
    assert bool(run("device_models", given)) is row.always


def test_a_device_that_is_not_supported_has_no_list_and_blocks() -> None:
    refused = replace(domcaps, offers={("tpm", ""): frozenset()})
    only("device_models", with_target(TPM, domcaps=refused), Severity.BLOCKER)


def test_firmware_that_libvirt_is_to_choose() -> None:
    """With a path in the definition the file counts, not the choice."""
    chosen = with_guest(leaves=(("os/@firmware", "efi"), ("os/loader", "/usr/share/OVMF/OVMF_CODE.fd")))
    assert run("device_models", chosen) == ()


def test_a_hyper_v_feature_counts_by_its_name_and_only_when_on() -> None:
    there = with_target(domcaps=offering(hyperv_features={"relaxed"}))
    on, off = (with_guest(there, leaves=(("features/hyperv/evmcs/@state", state),)) for state in ("on", "off"))
    assert only("device_models", on, Severity.BLOCKER).evidence["needed"] == "evmcs"
    assert run("device_models", off) == ()
