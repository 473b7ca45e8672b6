"""Cases that faults on real hosts have shown: what kvmweb says, and what it tells the user to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import GuestLook, JobKind, JobStats, RunState
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.decision import Action, Loss, LostDisk, Outcome
from migrations_app.domain.outcome.live import decide
from migrations_app.domain.outcome.reasons import meaning
from migrations_app.domain.outcome.whereabouts import suspended_by_somebody
from tests.unit.domain.test_outcome import (
    ABSENT,
    ADOPTED,
    ARRIVED,
    ARRIVED_PAUSED,
    CALLING,
    COPYING,
    FETCHING,
    INCOMING,
    JOB,
    OFF,
    POST_COPY,
    RESUMED,
    RETURNED,
    RUNS,
    SHUT_DOWN,
    SILENT,
    STOPPED,
    SUSPENDED,
    SWITCHING,
    UUID,
    after,
    in_progress,
    look,
)

HANGS = look(RunState.PAUSED, "migration", job=JobKind.UNKNOWN)
PATH = "/var/lib/libvirt/images/build-01.qcow2"
DELETED = LostDisk(target="vda", path=PATH, pool="local", how=Loss.DELETED)


# --- the switch-over ---


@pytest.mark.parametrize("there", [ABSENT, INCOMING, SILENT])
def test_paused_by_its_migration_with_a_silent_qemu_is_switching_over(there: GuestLook) -> None:
    decision = decide(HANGS, there, CALLING)
    assert in_progress(decision, State.SWITCHING_OVER)
    assert "paused on kvm-a" in decision.sentence
    assert "runs on" not in decision.sentence


def test_a_switch_over_that_hangs_is_to_be_resumed_nowhere() -> None:
    decision = decide(HANGS, INCOMING, after(120, CALLING))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert "paused for the switchover, and QEMU on kvm-a does not answer" in decision.sentence
    assert "Check the migration network" in decision.what_to_do
    assert "Do not resume the VM on either host." in decision.what_to_do
    assert "virsh" not in decision.what_to_do  # every command would hang


def test_a_running_guest_whose_qemu_is_silent_is_said_to_be_that() -> None:
    hangs = look(RunState.RUNNING, "booted", job=JobKind.UNKNOWN)
    assert "web01 runs on kvm-a, but its QEMU does not answer" in decide(hangs, INCOMING, CALLING).sentence
    decision = decide(hangs, INCOMING, after(120, CALLING))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert "virsh" not in decision.what_to_do


# --- suspended by a person ---


def stats(*, memory: int = 0, remaining: int = 0, bps: int = 0) -> JobStats:
    return JobStats(kind=JobKind.MIGRATION_OUT, memory_total=memory, memory_remaining=remaining, memory_bps=bps)


def test_paused_while_only_disks_are_copied_was_somebody() -> None:
    assert suspended_by_somebody(SWITCHING, stats(), allowed_ms=None) is True
    assert suspended_by_somebody(COPYING, stats(), allowed_ms=None) is False


def test_paused_with_more_left_than_fits_into_the_downtime_was_somebody() -> None:
    much = stats(memory=1000, remaining=900, bps=100)
    assert suspended_by_somebody(SWITCHING, much, allowed_ms=300) is True
    assert suspended_by_somebody(SWITCHING, much, allowed_ms=8000) is None
    assert suspended_by_somebody(SWITCHING, stats(memory=1000, remaining=20, bps=100), allowed_ms=300) is None
    assert suspended_by_somebody(SWITCHING, stats(memory=1000, remaining=900), allowed_ms=300) is None


def test_a_guest_that_was_paused_before_was_not_suspended_meanwhile() -> None:
    assert (
        suspended_by_somebody(look(RunState.PAUSED, "user", job=JobKind.MIGRATION_OUT), stats(), allowed_ms=1) is None
    )


@pytest.mark.parametrize("here", [HANGS, SWITCHING])
def test_stopped_while_disks_are_copied_is_not_said_to_be_at_its_last_pages(here: GuestLook) -> None:
    """QEMU hangs in a suspend until what is under way is written: over a slow link for many seconds."""
    decision = decide(here, INCOMING, replace(CALLING, too_early=True))
    assert in_progress(decision, State.COPYING_MEMORY)  # the watch puts what is copied in its place
    assert "is paused on kvm-a" in decision.sentence
    assert "or somebody suspended it" in decision.sentence
    assert "last pages" not in decision.sentence
    assert ("does not answer" in decision.sentence) is (here is HANGS)


def test_a_suspended_guest_is_still_being_copied() -> None:
    decision = decide(SWITCHING, INCOMING, replace(after(500, CALLING), suspended=True))
    assert in_progress(decision, State.COPYING_MEMORY)
    assert decision.sentence == "Somebody suspended web01 on kvm-a. libvirt still copies it to kvm-b."


def test_what_libvirt_has_resumed_is_said() -> None:
    suspended = replace(JOB, suspended=True)
    assert "libvirt has resumed it" in decide(ABSENT, ARRIVED, replace(suspended, call_returned=True)).sentence
    assert "libvirt has resumed it" in decide(RESUMED, ABSENT, suspended).sentence
    assert "libvirt has resumed it" in decide(RESUMED, ABSENT, replace(suspended, cancel_requested=True)).sentence
    for there in (SUSPENDED, ARRIVED_PAUSED):
        assert "has resumed" not in decide(ABSENT, there, suspended).sentence
    assert "has resumed" not in decide(SUSPENDED, ABSENT, suspended).sentence


# --- copied disks ---


def test_a_copied_disk_that_vanished_is_no_done() -> None:
    decision = decide(ABSENT, ARRIVED, replace(RETURNED, lost_disks=(DELETED,)))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert decision.sentence == ("web01 runs on kvm-b. Do not stop the VM: its disk on kvm-b has been deleted.")
    assert f"virsh blockcopy {UUID} vda --dest /var/lib/libvirt/images/build-01.saved.qcow2" in decision.what_to_do
    assert "kvm-a still has the disk as it was when the VM migrated" in decision.what_to_do
    assert decision.actions == ()


def test_a_path_with_blanks_can_be_pasted() -> None:
    odd = replace(DELETED, path="/p/a b; reboot", pool="my pool")
    advice = decide(ABSENT, ARRIVED, replace(RETURNED, lost_disks=(odd,))).what_to_do
    assert "--dest '/p/a b; reboot.saved'" in advice
    assert "virsh pool-refresh 'my pool'" in advice


def test_a_copied_disk_that_was_replaced_is_lost_as_well() -> None:
    decision = decide(ABSENT, ARRIVED, replace(RETURNED, lost_disks=(replace(DELETED, how=Loss.REPLACED),)))
    assert "its disk on kvm-b has been deleted. Another file is in its place." in decision.sentence


def test_several_lost_disks_are_named() -> None:
    both = (DELETED, replace(DELETED, target="vdb", path="/p/data.raw"))
    decision = decide(ABSENT, ARRIVED, replace(RETURNED, lost_disks=both))
    assert "its disks vda, vdb on kvm-b have been deleted" in decision.sentence
    assert decision.what_to_do.count("virsh blockcopy") == 2


def test_a_disk_that_nobody_can_see_is_waited_for_and_then_asked_about() -> None:
    unseen = (replace(DELETED, how=Loss.UNKNOWN),)
    assert decide(ABSENT, ARRIVED, replace(RETURNED, lost_disks=unseen)).outcome is Outcome.WAIT
    decision = decide(ABSENT, ARRIVED, replace(after(10, RETURNED), lost_disks=unseen))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert "does not say whether its disk is still there" in decision.sentence


def test_a_saved_disk_must_be_in_the_saved_definition_too() -> None:
    saved = (replace(DELETED, path="/p/new.qcow2", how=Loss.DEFINITION),)
    decision = decide(ABSENT, ARRIVED, replace(RETURNED, lost_disks=saved))
    assert "its saved definition there still names the disk that was deleted" in decision.sentence


# --- a dead host ---

OFF_FIRST = "make sure that it is powered off, then "


@pytest.mark.parametrize(
    ("here", "there", "then"),
    [
        (STOPPED, SILENT, f"resume it on kvm-a: On kvm-a run: virsh resume {UUID}"),
        (RUNS, SILENT, "close this migration as an admin: web01 stays on kvm-a"),
        (OFF, SILENT, f"start it on kvm-a: On kvm-a run: virsh start {UUID}"),
        (ABSENT, SILENT, "start it again on kvm-a: save the definition recorded with this migration"),
        (POST_COPY, SILENT, "start it again on kvm-a"),
        (SILENT, ARRIVED, "close this migration as an admin: web01 runs on kvm-b"),
        (SILENT, ARRIVED_PAUSED, "resume it on kvm-b"),
        (SILENT, SHUT_DOWN, f"start it on kvm-b: On kvm-b run: virsh start {UUID}"),
        (SILENT, ABSENT, "start it again on kvm-b: save the definition recorded with this migration"),
        (SILENT, INCOMING, f"stop the incomplete VM on kvm-b: On kvm-b run: virsh destroy {UUID}"),
        (SILENT, FETCHING, "stop the incomplete VM on kvm-b"),
    ],
)
def test_a_dead_host_leaves_a_next_step(here: GuestLook, there: GuestLook, then: str) -> None:
    decision = decide(here, there, replace(after(120), created_volumes=()))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    before, sure, advice = decision.what_to_do.partition(OFF_FIRST)
    assert sure, decision.what_to_do
    assert "virsh" not in before
    assert advice.startswith(then)


def test_a_half_copied_disk_is_never_to_be_started_from() -> None:
    for there in (ABSENT, SHUT_DOWN, INCOMING):
        advice = decide(SILENT, there, after(120)).what_to_do
        assert "the copy on kvm-b is incomplete" in advice
        assert "virsh start" not in advice


def test_on_shared_disks_a_resume_comes_with_its_condition() -> None:
    shared = decide(STOPPED, SILENT, replace(after(120), created_volumes=())).what_to_do
    assert "If it may have run on kvm-b in between" in shared
    assert "If it may have run" not in decide(STOPPED, SILENT, after(120)).what_to_do


# --- words ---


def test_a_guest_that_was_started_again_is_not_where_it_was_before() -> None:
    decision = decide(RUNS, ABSENT, replace(JOB, restarted=True))
    assert decision.outcome is Outcome.FAILED
    assert decision.sentence == "web01 runs on kvm-a, where it has been started again since. The migration failed."
    assert "started there again" in decision.cause
    assert decision.actions == (Action.DELETE_OWN_VOLUMES,)


def test_nothing_is_claimed_of_a_job_that_nobody_watched() -> None:
    assert "has not begun" not in decide(RUNS, ABSENT, replace(after(60, ADOPTED), job_seen=False)).cause
    assert "has not begun" not in decide(RUNS, ABSENT, replace(CALLING, job_seen=True)).sentence
    assert "has not begun" in decide(RUNS, ABSENT, replace(CALLING, job_seen=False)).sentence


def test_a_full_pool_is_a_cause() -> None:
    said = "operation failed: migration of disk vda failed: No space left on device"
    assert meaning(said) == "A storage pool is full: the copy of a disk did not fit."
    assert meaning("operation failed: migration of disk vda failed: Input/output error") == "The copy of a disk failed."


def test_a_resume_beside_shared_disks_has_its_condition_when_both_hosts_answer_too() -> None:
    """It may have arrived and ended there, with libvirt's last message lost."""
    shared = decide(STOPPED, ABSENT, replace(after(30), created_volumes=()))
    assert "If it may have run on kvm-b in between, do not resume it" in shared.what_to_do
    assert "may have run" not in decide(STOPPED, ABSENT, after(30)).what_to_do
