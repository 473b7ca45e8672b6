from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import BootFiles
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts.saved import SavedFacts
from tests.unit.domain.factories import HEALTHY, SILENT, changed, guest, only, run, with_guest, with_options

NVRAM = "/var/lib/libvirt/qemu/nvram/web01_VARS.fd"


def booting(nvram: str) -> BootFiles:
    return replace(guest.boot, nvram=nvram)


def test_passes_without_a_new_name_and_without_such_a_file() -> None:
    assert run("old_name", with_guest(boot=booting(NVRAM))) == ()
    assert run("old_name", with_options(new_name="web02")) == ()
    other = with_guest(boot=booting("/var/lib/libvirt/qemu/nvram/mine.fd"))
    assert run("old_name", with_options(other, new_name="web02")) == ()
    assert run("old_name", with_options(with_guest(boot=booting(NVRAM)), new_name="web01")) == ()


def test_uefi_variables_keep_their_file() -> None:
    finding = only("old_name", with_options(with_guest(boot=booting(NVRAM)), new_name="web02"), Severity.WARNING)
    assert finding.summary == f"web01 is named web02 on kvm-b, but its UEFI variables stay in {NVRAM}."
    assert "A new VM web01 on kvm-b would use this file too" in finding.remedies[0].text


def test_a_file_that_only_the_name_tells_would_not_be_found() -> None:
    by_name = with_guest(boot=replace(booting(NVRAM), nvram_by_name=True))
    assert run("old_name", by_name) == ()
    finding = only("old_name", with_options(by_name, new_name="web02"), Severity.BLOCKER)
    assert "web02 would not find it" in finding.summary
    saved = replace(guest, boot=replace(guest.boot, nvram=NVRAM, nvram_by_name=True))
    runs = replace(with_guest(boot=booting(NVRAM)), saved=SavedFacts(definition=saved, domcaps=SILENT, cpu=SILENT))
    only("old_name", with_options(runs, new_name="web02"), Severity.BLOCKER)


def test_unknown_without_the_definition() -> None:
    only("old_name", changed(HEALTHY, guest_definition=SILENT), Severity.UNKNOWN)
