from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import RunState
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, UUID, facts, only, other, run


def test_passes_when_nothing_is_there() -> None:
    assert run("identity_here", HEALTHY) == ()


def test_a_vm_that_the_source_has_already_is_a_note() -> None:
    same = replace(other, uuid=UUID, name="web01", state=RunState.RUNNING)
    finding = only("identity_here", facts(source_same_uuid=same, source_same_name=same), Severity.INFO)
    assert "already has this VM (running)" in finding.summary


def test_another_vm_with_the_uuid_blocks() -> None:
    same = replace(other, uuid=UUID, name="copy")
    finding = only("identity_here", facts(source_same_uuid=same), Severity.BLOCKER)
    assert "another VM with this UUID, copy: libvirt refuses to define web01" in finding.summary


def test_another_vm_with_the_name_blocks() -> None:
    finding = only("identity_here", facts(source_same_name=replace(other, name="web01")), Severity.BLOCKER)
    assert "another VM with this name" in finding.summary
    assert finding.evidence["UUID on kvm-a"] == other.uuid


def test_unknown_is_said() -> None:
    only("identity_here", facts(source_same_uuid=SILENT), Severity.UNKNOWN)
    only("identity_here", facts(source_same_name=SILENT), Severity.UNKNOWN)
