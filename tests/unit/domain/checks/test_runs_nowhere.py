from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import GuestLook, RunState
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import SILENT, UUID, cold, look, only, run, stays

ABSENT = GuestLook(answered=True)


def test_passes_when_every_other_host_answers_and_none_has_it() -> None:
    assert run("runs_nowhere", cold()) == ()
    assert run("runs_nowhere", cold(others={"kvm-c": ABSENT, "kvm-d": ABSENT})) == ()


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.PAUSED, RunState.CRASHED])
def test_a_host_that_has_it_active_blocks(state: RunState) -> None:
    finding = only("runs_nowhere", cold(others={"kvm-c": replace(look, state=state)}), Severity.BLOCKER)
    assert finding.summary == f"web01 is {state} on kvm-c; it must not run twice."
    assert (finding.remedies[0].command, finding.remedies[0].on) == (f"virsh shutdown {UUID}", "kvm-c")


def test_another_definition_is_a_warning() -> None:
    given = cold(others={"kvm-c": replace(look, state=RunState.SHUTOFF)})
    assert "kvm-c has a shut-off definition" in only("runs_nowhere", given, Severity.WARNING).summary


def test_a_host_that_does_not_answer_blocks() -> None:
    given = cold(others={"kvm-c": GuestLook(answered=False, error="timed out"), "kvm-d": ABSENT})
    finding = only("runs_nowhere", given, Severity.BLOCKER)
    assert finding.summary == "kvm-c is not reachable; kvmweb cannot tell whether web01 runs there."
    assert finding.evidence == {"error": "timed out"}


def test_unknown_blocks_when_nobody_asked() -> None:
    only("runs_nowhere", cold(others=SILENT), Severity.BLOCKER)


def test_the_host_of_a_vm_that_runs_is_enough_for_a_storage_migration() -> None:
    elsewhere = {"kvm-c": GuestLook(answered=False, error="timed out")}
    assert run("runs_nowhere", stays(others=elsewhere)) == ()
    off = stays(others=elsewhere, guest_look=replace(look, state=RunState.SHUTOFF))
    only("runs_nowhere", off, Severity.BLOCKER)
