from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, changed, domcaps, facts, only, run, with_guest, with_target


def test_passes_for_a_canonical_name_and_an_alias() -> None:
    assert run("machine_type", HEALTHY) == ()
    assert run("machine_type", with_guest(machine="q35")) == ()


def test_another_architecture_is_unknown_here_and_blocked_by_the_emulator() -> None:
    given = with_guest(facts(target_domcaps=SILENT), arch="aarch64", machine="virt-7.2")
    only("machine_type", given, Severity.UNKNOWN)


OTHER = with_guest(emulator="/opt/qemu/bin/qemu", machine="pc-q35-9.9")


def test_an_emulator_that_capabilities_do_not_list_answers_for_itself() -> None:
    assert run("machine_type", changed(OTHER, target_domcaps=replace(domcaps, machine="pc-q35-9.9"))) == ()


def test_the_machines_of_one_emulator_say_nothing_of_another() -> None:
    only("machine_type", changed(OTHER, target_domcaps=SILENT), Severity.UNKNOWN)
    only("machine_type", with_guest(changed(OTHER, target_domcaps=SILENT), emulator="/opt/x"), Severity.UNKNOWN)


def test_a_type_that_is_not_there_blocks_and_shows_its_family() -> None:
    finding = only("machine_type", with_guest(machine="pc-q35-10.0"), Severity.BLOCKER)
    assert finding.evidence == {"needed": "pc-q35-10.0", "there": "pc-q35-6.2, pc-q35-7.2"}


def test_a_type_of_another_family_says_so() -> None:
    finding = only("machine_type", with_guest(machine="s390-ccw-virtio"), Severity.BLOCKER)
    assert finding.evidence["there"] == "none of this family"


def test_unknown_without_capabilities() -> None:
    only("machine_type", with_target(capabilities=SILENT), Severity.UNKNOWN)
