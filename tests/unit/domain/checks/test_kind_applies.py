from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import GuestLook, RunState
from migrations_app.domain.kinds import Kind
from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.check import CHECKS, Severity, Verdict
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import (
    HEALTHY,
    SILENT,
    UUID,
    cold,
    disk,
    facts,
    look,
    only,
    run,
    stays,
    with_guest,
    with_options,
)

CD = replace(disk, target="sda", device="cdrom", readonly=True)


def state(state: RunState, reason: str = "") -> Facts:
    return facts(guest_look=replace(look, state=state, reason=reason))


@pytest.mark.parametrize("given", [HEALTHY, state(RunState.PAUSED, "user"), state(RunState.BLOCKED)])
@pytest.mark.parametrize("copy", [False, True])
def test_passes_for_running_and_paused(given: Facts, copy: bool) -> None:
    assert run("kind_applies", with_options(given, copy_disks=copy)) == ()


def test_live_needs_no_disk() -> None:
    assert run("kind_applies", with_guest(disks=())) == ()
    assert run("kind_applies", facts(guest_definition=SILENT)) == ()


def test_a_shut_off_guest_blocks_with_the_command_to_start_it() -> None:
    finding = only("kind_applies", state(RunState.SHUTOFF, "shutdown"), Severity.BLOCKER)
    assert finding.summary == "web01 is shut off; a live migration needs it running."
    assert finding.remedies[0].command == f"virsh start {UUID}"
    assert finding.remedies[0].on == "kvm-a"
    assert [remedy.kind for remedy in finding.remedies] == ["", "offline"]


@pytest.mark.parametrize("active", [RunState.RUNNING, RunState.BLOCKED, RunState.PAUSED, RunState.CRASHED])
def test_offline_needs_it_shut_off(active: RunState) -> None:
    assert run("kind_applies", cold()) == ()
    finding = only("kind_applies", cold(guest_look=replace(look, state=active)), Severity.BLOCKER)
    assert finding.summary.endswith("an offline migration needs it shut off.")


@pytest.mark.parametrize("bad", [RunState.CRASHED, RunState.PMSUSPENDED, RunState.SHUTDOWN, RunState.NOSTATE])
def test_other_states_block(bad: RunState) -> None:
    only("kind_applies", state(bad), Severity.BLOCKER)


def test_everything_else_is_in_the_report_too() -> None:
    report = run_all(state(RunState.SHUTOFF))
    assert {finding.check for finding in report.findings} == {
        check.id for check in CHECKS.values() if Kind.LIVE in check.kinds
    }
    assert [finding.check for finding in report.of(Severity.BLOCKER)] == ["kind_applies"]


@pytest.mark.parametrize("disks", [(), (CD,), (replace(disk, type="network", path="", network_name="rbd:vms/a"),)])
def test_a_copy_without_a_disk_to_copy_blocks(disks: tuple[object, ...]) -> None:
    given = with_options(with_guest(disks=disks), copy_disks=True)
    finding = only("kind_applies", given, Severity.BLOCKER)
    assert finding.summary == "web01 has no disk that could be copied."
    assert run("copy_choice", given) == ()


def test_shared_disks_need_no_copy_and_that_blocks_nothing() -> None:
    report = run_all(with_options(HEALTHY, copy_disks=True))
    assert (report.verdict, report.copied) == (Verdict.OK, ())


def test_unknown_when_nobody_said() -> None:
    only("kind_applies", facts(guest_look=SILENT), Severity.UNKNOWN)
    only("kind_applies", facts(guest_look=GuestLook(answered=False, error="timed out")), Severity.UNKNOWN)
    only("kind_applies", facts(guest_look=GuestLook(answered=True)), Severity.UNKNOWN)
    only("kind_applies", with_options(facts(guest_definition=SILENT), copy_disks=True), Severity.UNKNOWN)


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.PAUSED, RunState.SHUTOFF])
def test_storage_migrates_whether_it_runs_or_not(state: RunState) -> None:
    assert run("kind_applies", stays(guest_look=replace(look, state=state))) == ()


@pytest.mark.parametrize("state", [RunState.CRASHED, RunState.PMSUSPENDED, RunState.SHUTDOWN, RunState.NOSTATE])
def test_storage_does_not_migrate_in_between(state: RunState) -> None:
    only("kind_applies", stays(guest_look=replace(look, state=state)), Severity.BLOCKER)
