"""What a host says of disks that go to another place on it, and what that means."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from hosts.facts.guest import GuestLook, RunState
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.decision import Action, At, Copying, Decision, DiskNow, JobRecord, Outcome
from migrations_app.domain.outcome.storage import decide

UUID = "6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11"
LONG = 1000.0
DISK = DiskNow(target="vda", old="/a/vda", new="/b/vda", running=At.OLD, saved=At.OLD)
COPIES = replace(DISK, copied=True, copying=Copying.YES)
READY = replace(DISK, copied=True, copying=Copying.READY)
SWITCHED = replace(DISK, copied=True, switching=True, switched=True, running=At.NEW)
SAVED = replace(SWITCHED, saved=At.NEW)
OFF_DISK = replace(DISK, running=None)
JOB = JobRecord(
    guest=UUID,
    name="web01",
    source="kvm-a",
    target="kvm-a",
    was_paused=False,
    was_persistent=True,
    persist=True,
    undefine_source=False,
    cancel_requested=False,
    call_running=False,
    seconds_in_this_view=LONG,
)
SILENT = GuestLook(answered=False, error="timed out")
ABSENT = GuestLook(answered=True)


def look(state: RunState) -> GuestLook:
    return GuestLook(answered=True, present=True, state=state, persistent=True)


OFF, RUNS, PAUSED, CRASHED = map(look, (RunState.SHUTOFF, RunState.RUNNING, RunState.PAUSED, RunState.CRASHED))


def vdb(disk: DiskNow) -> DiskNow:
    return replace(disk, target="vdb", old="/a/vdb", new="/b/vdb")


def judged(seen: GuestLook, *disks: DiskNow, fresh: bool = False, **record: Any) -> Decision:
    if fresh:
        record["seconds_in_this_view"] = 0.0
    return decide(seen, seen, replace(JOB, disks=disks, **record))


def asked(seen: GuestLook, *disks: DiskNow, **record: Any) -> tuple[State | None, tuple[Action, ...]]:
    decision = judged(seen, *disks, fresh=True, **record)
    assert decision.outcome is Outcome.IN_PROGRESS, decision
    return decision.state, decision.actions


@pytest.mark.parametrize("seen", [RUNS, PAUSED])
def test_from_the_first_copy_to_the_end(seen: GuestLook) -> None:
    two = vdb(DISK)
    assert asked(seen, DISK, two) == (State.COPYING_DISKS, (Action.COPY_DISKS,))
    assert asked(seen, COPIES, two) == (State.COPYING_DISKS, (Action.COPY_DISKS,))
    assert asked(seen, READY, vdb(COPIES)) == (State.COPYING_DISKS, ())
    assert asked(seen, READY, vdb(READY)) == (State.SWITCHING_OVER, (Action.SWITCH_DISKS,))
    assert asked(seen, SWITCHED, vdb(READY)) == (State.SWITCHING_OVER, (Action.SWITCH_DISKS,))
    assert asked(seen, SWITCHED, vdb(SWITCHED)) == (State.VERIFYING, (Action.SAVE_PLACES,))
    assert judged(seen, SAVED, vdb(SAVED), fresh=True).outcome is Outcome.DONE


def test_what_is_done_is_said() -> None:
    assert judged(RUNS, SAVED).sentence == "web01 runs on kvm-a, with disk vda at its new place."
    late = judged(PAUSED, SAVED, vdb(SAVED), cancel_requested=True)
    assert late.sentence == (
        "web01 is paused on kvm-a, with disks vda and vdb at their new place. The cancel came too late."
    )


def test_a_cancel_stops_the_copies_and_then_deletes_the_volumes() -> None:
    assert asked(RUNS, READY, cancel_requested=True) == (State.VERIFYING, (Action.STOP_COPIES,))
    ended = judged(RUNS, replace(READY, copying=Copying.NO), cancel_requested=True)
    assert (ended.outcome, ended.actions) == (Outcome.CANCELLED, (Action.DELETE_OWN_VOLUMES,))


def test_a_job_that_is_not_stopped_needs_a_user() -> None:
    stuck = judged(RUNS, READY, cancel_requested=True)
    assert stuck.outcome is Outcome.NEEDS_ATTENTION
    assert f"virsh blockjob {UUID} vda --abort" in stuck.what_to_do


def test_a_switch_that_libvirt_does_not_make_needs_a_user() -> None:
    stuck = judged(RUNS, SWITCHED, vdb(READY))
    assert stuck.outcome is Outcome.NEEDS_ATTENTION
    assert f"virsh blockjob {UUID} vdb --pivot" in stuck.what_to_do


@pytest.mark.parametrize(
    ("disk", "record", "cause"),
    [
        (DISK, {"call_error": "disk is shareable"}, "disk is shareable"),
        (DISK, {"call_made": False}, "The worker ended before it began to copy."),
        (replace(READY, copying=Copying.NO), {}, "The copy of disk vda ended before it was complete."),
        (replace(DISK, running=At.OTHER), {}, "Somebody changed a disk of the VM, or began another block job."),
        (replace(DISK, copying=Copying.OTHER), {}, "Somebody changed a disk of the VM, or began another block job."),
    ],
)
def test_what_fails_before_the_switch_leaves_the_old_disks(disk: DiskNow, record: Any, cause: str) -> None:
    ended = judged(RUNS, disk, **record)
    assert (ended.outcome, ended.actions) == (Outcome.FAILED, (Action.DELETE_OWN_VOLUMES,))
    assert ended.sentence == "web01 runs on kvm-a, on its old disks. The migration failed."
    assert cause in ended.cause


def test_disks_that_are_at_different_places_are_named() -> None:
    ended = judged(RUNS, SAVED, vdb(replace(READY, copying=Copying.NO)))
    assert (ended.outcome, ended.actions) == (Outcome.FAILED, (Action.DELETE_OWN_VOLUMES,))
    for told in (
        "Disk vda: the VM uses the new disk, its saved definition names the new disk (old: /a/vda, new: /b/vda).",
        "Disk vdb: the VM uses the old disk, its saved definition names the old disk (old: /a/vdb, new: /b/vdb).",
    ):
        assert told in ended.sentence


# --- a VM that does not run any more, or runs again -----------------------------------------------------------------


def test_a_vm_that_stops_while_it_copies_keeps_its_disks() -> None:
    gone = replace(OFF_DISK, copied=True)
    assert judged(OFF, gone, fresh=True).outcome is Outcome.WAIT
    ended = judged(OFF, gone)
    assert (ended.outcome, ended.actions) == (Outcome.FAILED, (Action.DELETE_OWN_VOLUMES,))
    assert judged(RUNS, DISK, restarted=True).cause == "The VM was started again."


def test_a_disk_that_was_seen_switched_is_saved_when_the_vm_has_stopped() -> None:
    assert asked(OFF, replace(SWITCHED, running=None)) == (State.VERIFYING, (Action.SAVE_PLACES,))
    assert judged(OFF, replace(SAVED, running=None)).outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("seen", "disk", "restarted"),
    [
        (OFF, replace(OFF_DISK, copied=True, switching=True), False),
        (RUNS, replace(DISK, copied=True, switching=True), True),
        (RUNS, replace(SWITCHED, running=At.OLD), True),
        (OFF, replace(SWITCHED, running=None, saved=At.OTHER), False),
        (RUNS, replace(DISK, copied=True, saved=At.NEW), True),
    ],
)
def test_two_disks_of_which_nobody_knows_the_newest_need_a_user(
    seen: GuestLook, disk: DiskNow, *, restarted: bool
) -> None:
    ended = judged(seen, disk, restarted=restarted)
    assert (ended.outcome, ended.actions) == (Outcome.NEEDS_ATTENTION, ())
    assert "/a/vda" in ended.sentence
    assert "/b/vda" in ended.sentence


# --- a VM that was shut off -----------------------------------------------------------------------------------------


def test_a_vm_that_was_shut_off() -> None:
    copied = replace(OFF_DISK, copied=True)
    assert asked(OFF, OFF_DISK, vdb(copied), was_off=True) == (State.COPYING_DISKS, (Action.COPY_DISKS,))
    assert asked(OFF, copied, vdb(copied), was_off=True) == (State.VERIFYING, (Action.SAVE_PLACES,))
    done = judged(OFF, replace(copied, saved=At.NEW), was_off=True)
    assert (done.outcome, done.sentence) == (
        Outcome.DONE,
        "web01 is shut off on kvm-a, with disk vda at its new place.",
    )
    assert judged(OFF, copied, was_off=True, cancel_requested=True).outcome is Outcome.CANCELLED
    assert judged(OFF, copied, was_off=True, call_error="no space left on device").outcome is Outcome.FAILED
    assert judged(OFF, replace(copied, saved=At.OTHER), was_off=True).outcome is Outcome.FAILED


def test_a_vm_that_is_started_meanwhile() -> None:
    kept = judged(RUNS, replace(DISK, copied=True), was_off=True)
    assert (kept.outcome, kept.cause) == (Outcome.FAILED, "The VM was started while its disks were copied.")
    stale = judged(RUNS, replace(DISK, saved=At.NEW), was_off=True)
    assert stale.outcome is Outcome.NEEDS_ATTENTION
    assert "It uses the old disk vda, and its saved definition names the new one." in stale.sentence
    assert judged(RUNS, replace(DISK, running=At.NEW, saved=At.NEW), was_off=True).outcome is Outcome.DONE


# --- always ---------------------------------------------------------------------------------------------------------

EVERY = [
    DiskNow(
        target="vda",
        old="/a/vda",
        new="/b/vda",
        running=running,
        saved=saved,
        copying=copying,
        copied=copied,
        switching=switching,
        switched=switching and switched,
    )
    for running, saved, copying, copied, switching, switched in product(
        (None, *At), At, Copying, (False, True), (False, True), (False, True)
    )
]


@pytest.mark.parametrize("seen", [SILENT, ABSENT, OFF, RUNS, CRASHED])
@pytest.mark.parametrize("record", [{}, {"was_off": True}, {"restarted": True}, {"cancel_requested": True}])
def test_every_view_is_judged_and_nothing_unproven_is_done(seen: GuestLook, record: Any) -> None:
    for disk, fresh in product(EVERY, (False, True)):
        if seen.active is (disk.running is None):
            continue
        decision = judged(seen, disk, fresh=fresh, **record)
        assert decision.sentence
        if decision.outcome is Outcome.DONE:
            assert disk.saved is At.NEW
            assert disk.running in (None, At.NEW)
        if Action.SWITCH_DISKS in decision.actions:
            assert (seen.active, disk.running) == (True, At.OLD)
        if decision.outcome is Outcome.NEEDS_ATTENTION:
            assert decision.what_to_do


def test_a_silent_host_decides_nothing() -> None:
    assert judged(SILENT, READY, fresh=True).outcome is Outcome.WAIT
    assert judged(SILENT, READY).outcome is Outcome.NEEDS_ATTENTION
    assert judged(ABSENT, READY).outcome is Outcome.NEEDS_ATTENTION
