from __future__ import annotations

from dataclasses import replace

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
