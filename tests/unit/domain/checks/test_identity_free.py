from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import RunState
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, UUID, facts, only, other, run, with_options, with_target


def test_passes_when_nothing_is_there() -> None:
    assert run("identity_free", HEALTHY) == ()


def test_a_shut_off_definition_with_the_same_uuid_blocks() -> None:
    same = replace(other, uuid=UUID, state=RunState.SHUTOFF)
    finding = only("identity_free", facts(target_same_uuid=same, target_same_name=same), Severity.BLOCKER)
    assert "libvirt would replace its definition silently" in finding.summary
    assert finding.remedies[0].command == f"virsh undefine --keep-nvram --keep-tpm {UUID}"
    assert finding.remedies[0].on == "kvm-b"


def test_a_running_guest_with_the_same_uuid_blocks_without_a_command() -> None:
    same = replace(other, uuid=UUID, name="copy", state=RunState.RUNNING)
    finding = only("identity_free", facts(target_same_uuid=same), Severity.BLOCKER)
    assert finding.remedies[0].command == ""
    assert finding.evidence["name on kvm-b"] == "copy"


def test_the_new_name_is_what_must_be_free() -> None:
    renamed = with_options(new_name="web02")
    assert run("identity_free", renamed) == ()
    finding = only("identity_free", with_target(renamed, same_name=other), Severity.BLOCKER)
    assert "another VM named web02" in finding.summary
    assert "another new name" in finding.remedies[1].text


def test_another_guest_with_the_same_name_blocks() -> None:
    finding = only("identity_free", facts(target_same_name=other), Severity.BLOCKER)
    assert finding.remedies[0].command == f"virsh domrename {other.uuid} web01-old"


def test_both_are_reported_at_once() -> None:
    same = replace(other, uuid=UUID, name="copy")
    assert len(run("identity_free", facts(target_same_uuid=same, target_same_name=other))) == 2


def test_the_same_uuid_is_told_also_when_the_definition_is_not_known() -> None:
    same = replace(other, uuid=UUID, state=RunState.RUNNING)
    there, not_known = run(
        "identity_free", facts(guest_definition=SILENT, target_same_uuid=same, target_same_name=SILENT)
    )
    assert "a VM must not run twice" in there.summary
    assert (there.severity, not_known.severity) == (Severity.BLOCKER, Severity.BLOCKER)


def test_unknown_blocks() -> None:
    assert SILENT.reason in only("identity_free", facts(target_same_uuid=SILENT), Severity.BLOCKER).summary
    only("identity_free", facts(target_same_name=SILENT), Severity.BLOCKER)
