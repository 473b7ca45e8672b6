"""Every row of the decision table, each with a test named after it: source, destination, verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import GuestLook, JobKind, RunState
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.decision import Action, Decision, JobRecord, Loss, LostDisk, Outcome
from migrations_app.domain.outcome.live import decide

UUID = "6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11"
OUT = JobKind.MIGRATION_OUT

JOB = JobRecord(
    guest=UUID,
    name="web01",
    source="kvm-a",
    target="kvm-b",
    was_paused=False,
    was_persistent=True,
    persist=True,
    undefine_source=True,
    cancel_requested=False,
    created_volumes=("local/vda.qcow2",),
    call_returned=False,
    call_running=False,
    call_error="client socket is closed",
    seconds_in_this_view=0.0,
)
RETURNED = replace(JOB, call_returned=True, call_error="")
CALLING = replace(JOB, call_returned=None, call_running=True, call_error="")
ADOPTED = replace(JOB, call_returned=None, call_error="")

SILENT = GuestLook(answered=False, error="connection timed out")
ABSENT = GuestLook(answered=True)


def look(state: RunState, reason: str = "", *, job: JobKind = JobKind.NONE, persistent: bool = True) -> GuestLook:
    return GuestLook(answered=True, present=True, state=state, reason=reason, job=job, persistent=persistent)


RUNS = look(RunState.RUNNING, "booted")
RESUMED = look(RunState.RUNNING, "migration canceled")
COPYING = look(RunState.RUNNING, "booted", job=OUT)
SWITCHING = look(RunState.PAUSED, "migration", job=OUT)
STOPPED = look(RunState.PAUSED, "migration")
SUSPENDED = look(RunState.PAUSED, "user")
POST_COPY = look(RunState.PAUSED, "post-copy", job=OUT)
POST_COPY_BROKEN = look(RunState.PAUSED, "post-copy failed", job=OUT)
OFF = look(RunState.SHUTOFF, "migrated")
SHUT_DOWN = look(RunState.SHUTOFF, "shutdown")
STALE = look(RunState.SHUTOFF, "failed")

INCOMING = look(RunState.PAUSED, "migration", persistent=False)
STARTING_UP = look(RunState.PAUSED, "starting up", persistent=False)
ARRIVED = look(RunState.RUNNING, "migrated")
ARRIVED_PAUSED = look(RunState.PAUSED, "user")
FETCHING = look(RunState.RUNNING, "post-copy", persistent=False)
FETCHING_BROKEN = look(RunState.RUNNING, "post-copy failed", persistent=False)


def after(seconds: float, job: JobRecord = JOB) -> JobRecord:
    return replace(job, seconds_in_this_view=seconds)


def verdict(source: GuestLook, destination: GuestLook, job: JobRecord = JOB) -> Outcome:
    return decide(source, destination, job).outcome


def in_progress(decision: Decision, state: State) -> bool:
    return decision.outcome is Outcome.IN_PROGRESS and decision.state is state


# --- must not end it ---


@pytest.mark.parametrize("there", [ABSENT, STALE, INCOMING, ARRIVED, ARRIVED_PAUSED, FETCHING, SILENT])
@pytest.mark.parametrize("job", [JOB, RETURNED, CALLING, ADOPTED])
def test_source_silent_never_ends(there: GuestLook, job: JobRecord) -> None:
    assert verdict(SILENT, there, job) is Outcome.WAIT
    assert verdict(SILENT, there, after(119, job)) is Outcome.WAIT
    assert verdict(SILENT, there, after(120, job)) is Outcome.NEEDS_ATTENTION


@pytest.mark.parametrize("here", [RUNS, RESUMED, STOPPED, SUSPENDED, OFF, ABSENT])
@pytest.mark.parametrize("job", [JOB, RETURNED, CALLING, ADOPTED])
def test_destination_silent_never_ends(here: GuestLook, job: JobRecord) -> None:
    assert verdict(here, SILENT, job) is Outcome.WAIT
    assert verdict(here, SILENT, after(120, job)) is Outcome.NEEDS_ATTENTION


def test_silence_says_for_whom_we_wait() -> None:
    assert decide(RUNS, SILENT, JOB).sentence == (
        "Waiting for kvm-b to be reachable again. web01 runs on kvm-a; kvmweb cannot tell what kvm-b has."
    )
    assert decide(SILENT, ARRIVED, JOB).sentence == (
        "Waiting for kvm-a to be reachable again. web01 runs on kvm-b; kvmweb cannot tell whether kvm-a still has it."
    )
    assert "Waiting for kvm-a and kvm-b" in decide(SILENT, SILENT, JOB).sentence
    assert "connection timed out" in decide(SILENT, SILENT, JOB).cause


def test_destination_silent_while_source_copies_is_in_progress() -> None:
    decision = decide(COPYING, SILENT, after(1000, CALLING))
    assert in_progress(decision, State.COPYING_MEMORY)
    assert "kvm-b is not reachable" in decision.sentence


def test_call_running_and_nothing_begun_is_not_an_end() -> None:
    assert verdict(RUNS, ABSENT, after(500, CALLING)) is Outcome.WAIT


def test_adopted_needs_two_looks() -> None:
    assert verdict(RUNS, ABSENT, ADOPTED) is Outcome.WAIT
    assert verdict(RUNS, ABSENT, after(1.0, ADOPTED)) is Outcome.FAILED
    assert verdict(RUNS, ABSENT, after(1.0, replace(ADOPTED, cancel_requested=True))) is Outcome.CANCELLED


def test_success_without_a_guest_at_the_destination_is_not_done() -> None:
    for here in (RUNS, ABSENT, OFF, STOPPED, COPYING):
        for seconds in (0.0, 5.0, 1000.0):
            assert verdict(here, ABSENT, after(seconds, RETURNED)) is not Outcome.DONE
    assert "reported that the migration was finished" in decide(RUNS, ABSENT, RETURNED).cause


def test_a_job_that_cannot_be_read_is_no_end() -> None:
    unread = look(RunState.RUNNING, job=JobKind.UNKNOWN)
    assert verdict(unread, ABSENT) is Outcome.WAIT
    assert verdict(unread, ABSENT, after(120)) is Outcome.NEEDS_ATTENTION
    assert verdict(unread, SILENT) is Outcome.WAIT


def test_a_crashed_source_is_no_end() -> None:
    crashed = look(RunState.CRASHED, "unknown")
    assert verdict(crashed, ABSENT, after(200)) is Outcome.NEEDS_ATTENTION
    assert verdict(crashed, ARRIVED, after(200)) is Outcome.NEEDS_ATTENTION
    assert verdict(look(RunState.NOSTATE), ARRIVED) is Outcome.WAIT


# --- the rows ---


def test_running_with_job_and_incoming_is_in_progress() -> None:
    for there in (INCOMING, STARTING_UP, ABSENT):
        assert in_progress(decide(COPYING, there, after(1000)), State.COPYING_MEMORY)
        assert in_progress(decide(COPYING, there, after(1000, RETURNED)), State.COPYING_MEMORY)


def test_running_without_job_and_absent_is_rolled_back() -> None:
    for here in (RUNS, RESUMED, look(RunState.BLOCKED)):
        decision = decide(here, ABSENT, JOB)
        assert decision.outcome is Outcome.FAILED
        assert decision.actions == (Action.DELETE_OWN_VOLUMES,)
        assert decision.sentence == "web01 runs on kvm-a, where it was before. The migration failed."
        assert decision.cause == "A connection broke during the migration."
        assert decision.libvirt == "client socket is closed"


def test_what_breaks_when_a_cancel_takes_effect_is_no_cause() -> None:
    decision = decide(
        RUNS, ABSENT, replace(JOB, cancel_requested=True, call_error="Unable to write to socket: Broken pipe")
    )
    assert (decision.outcome, decision.cause) == (Outcome.CANCELLED, "")
    assert "Broken pipe" in decision.libvirt


def test_nothing_created_nothing_deleted() -> None:
    assert decide(RUNS, ABSENT, replace(JOB, created_volumes=())).actions == ()


def test_running_without_job_and_a_definition_left_behind() -> None:
    assert verdict(RESUMED, STALE) is Outcome.WAIT
    decision = decide(RESUMED, STALE, after(10))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert f"virsh undefine {UUID} --keep-nvram" in decision.what_to_do
    assert decision.actions == ()


def test_running_without_job_and_stale_incoming() -> None:
    for there in (INCOMING, STARTING_UP, ARRIVED_PAUSED):
        assert verdict(RUNS, there, after(59)) is Outcome.WAIT
        decision = decide(RUNS, there, after(60))
        assert decision.outcome is Outcome.NEEDS_ATTENTION
        assert f"On kvm-b run: virsh destroy {UUID}" in decision.what_to_do


def test_running_on_both_is_split_brain_after_the_hand_over() -> None:
    assert verdict(RUNS, ARRIVED, after(9)) is Outcome.WAIT
    assert verdict(COPYING, ARRIVED, after(9)) is Outcome.IN_PROGRESS
    for here in (RUNS, RESUMED, COPYING):
        decision = decide(here, ARRIVED, after(10))
        assert decision.outcome is Outcome.NEEDS_ATTENTION
        assert decision.sentence.startswith("web01 runs on kvm-a and on kvm-b at the same time.")
        assert f"At once: On kvm-b run: virsh suspend {UUID}" in decision.what_to_do


def test_paused_by_migration_with_job_is_switchover() -> None:
    for there in (INCOMING, ABSENT, SILENT):
        assert in_progress(decide(SWITCHING, there, after(119)), State.SWITCHING_OVER)
        assert verdict(SWITCHING, there, after(120)) is Outcome.NEEDS_ATTENTION
    assert in_progress(decide(SWITCHING, ARRIVED, JOB), State.ARRIVING)


def test_paused_by_migration_without_job_and_running_there_is_confirm_lost() -> None:
    for job in (JOB, RETURNED, ADOPTED):
        assert in_progress(decide(STOPPED, ARRIVED, after(9, job)), State.ARRIVING)
        decision = decide(STOPPED, ARRIVED, after(10, job))
        assert decision.outcome is Outcome.NEEDS_ATTENTION
        assert decision.sentence.startswith("web01 runs on kvm-b")
        assert "Never resume it on kvm-a" in decision.what_to_do
        assert f"On kvm-a run: virsh destroy {UUID}" in decision.what_to_do


def test_paused_by_migration_without_job_and_absent_is_resume_lost() -> None:
    assert verdict(STOPPED, ABSENT, after(29)) is Outcome.WAIT
    decision = decide(STOPPED, ABSENT, after(30))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert f"On kvm-a run: virsh resume {UUID}" in decision.what_to_do


def test_paused_without_job_after_post_copy_must_not_be_resumed() -> None:
    decision = decide(STOPPED, ABSENT, after(30, replace(JOB, postcopy_used=True)))
    assert "virsh resume" not in decision.what_to_do
    assert "Do not resume it" in decision.what_to_do


def test_an_outgoing_job_after_ours_has_ended_is_somebody_elses() -> None:
    decision = decide(COPYING, ABSENT, replace(ADOPTED, job_over=True))
    assert decision.outcome is Outcome.WAIT
    assert "a migration that kvmweb did not start" in decision.sentence


def test_an_adopter_waits_as_long_as_libvirt_may_wait_for_the_job() -> None:
    unseen = replace(ADOPTED, job_seen=False)
    assert verdict(RUNS, ABSENT, after(34, unseen)) is Outcome.WAIT
    decision = decide(RUNS, ABSENT, after(35, unseen))
    assert (decision.outcome, decision.cause) == (Outcome.FAILED, "kvmweb has not seen libvirt begin the migration.")
    assert verdict(RUNS, ABSENT, after(1, ADOPTED)) is Outcome.FAILED
    never = decide(RUNS, ABSENT, after(0, replace(unseen, call_made=False)))
    assert (never.outcome, never.cause) == (
        Outcome.FAILED, "The worker ended before it asked libvirt to migrate the VM.",
    )  # fmt: skip


def test_a_guest_that_ran_before_and_is_paused_now_is_no_ordinary_end() -> None:
    stopped = look(RunState.PAUSED, "I/O error")
    for job in (JOB, replace(JOB, cancel_requested=True)):
        assert verdict(stopped, ABSENT, after(29, job)) is Outcome.WAIT
        assert verdict(stopped, ABSENT, after(30, job)) is Outcome.NEEDS_ATTENTION
    assert verdict(stopped, ABSENT, replace(JOB, was_paused=True)) is Outcome.FAILED
    assert verdict(SUSPENDED, ABSENT, replace(JOB, cancel_requested=True)) is Outcome.CANCELLED


def test_a_guest_that_is_elsewhere_is_not_to_be_started() -> None:
    for source, there in ((ABSENT, ABSENT), (OFF, ABSENT), (ABSENT, OFF)):
        decision = decide(source, there, after(1, replace(JOB, elsewhere=("kvm-c",))))
        assert decision.outcome is Outcome.NEEDS_ATTENTION
        assert "kvm-c" in decision.sentence
        assert "virsh start" not in decision.what_to_do


def test_stopped_on_both_after_post_copy_must_not_be_resumed_at_the_source() -> None:
    decision = decide(STOPPED, INCOMING, after(60, replace(JOB, postcopy_used=True)))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert "Never resume it on kvm-a" in decision.what_to_do
    assert "virsh resume" not in decision.what_to_do


def test_paused_by_migration_without_job_and_destination_silent() -> None:
    assert verdict(STOPPED, SILENT, after(119)) is Outcome.WAIT
    assert "Do not start or resume" in decide(STOPPED, SILENT, after(120)).what_to_do


def test_paused_by_migration_without_job_and_incoming() -> None:
    assert verdict(STOPPED, INCOMING, after(59)) is Outcome.WAIT
    assert verdict(STOPPED, INCOMING, after(60)) is Outcome.NEEDS_ATTENTION


def test_post_copy_running() -> None:
    for there in (FETCHING, ARRIVED):
        assert in_progress(decide(POST_COPY, there, after(10_000)), State.POST_COPY)
    assert in_progress(decide(COPYING, FETCHING, JOB), State.POST_COPY)
    assert in_progress(decide(POST_COPY, INCOMING, JOB), State.POST_COPY)


def test_post_copy_broken() -> None:
    """The destination may not have noticed it, or may not answer: the halves are there, and can be connected again."""
    for there in (FETCHING_BROKEN, FETCHING, INCOMING, SILENT):
        decision = decide(POST_COPY_BROKEN, there, after(10_000))
        assert in_progress(decision, State.POST_COPY_FAILED)
        assert "--postcopy-resume" in decision.what_to_do
        assert "Neither half may be resumed or destroyed" in decision.what_to_do
        assert ("not reachable" in decision.sentence) == (there is SILENT)


def test_a_qemu_that_does_not_answer_the_resume() -> None:
    """It waits for memory itself. Where it does answer, the resume is over within a second."""
    assert (
        "does not answer" not in decide(POST_COPY_BROKEN, FETCHING_BROKEN, replace(JOB, resuming_seconds=15)).sentence
    )
    decision = decide(POST_COPY_BROKEN, FETCHING_BROKEN, replace(JOB, resuming_seconds=16))
    assert in_progress(decision, State.POST_COPY_FAILED)
    assert "its QEMU on kvm-b does not answer" in decision.sentence
    assert "domcontrol" in decision.what_to_do
    assert "does not answer" not in decide(POST_COPY_BROKEN, SILENT, replace(JOB, resuming_seconds=16)).sentence


def test_all_memory_was_sent_and_the_destination_has_not_noticed() -> None:
    sent = look(RunState.SHUTOFF, "migrated")
    decision = decide(sent, FETCHING_BROKEN, after(10))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert "with all its memory" in decision.sentence
    assert "Restart libvirtd on kvm-b" in decision.what_to_do
    lost = decide(look(RunState.SHUTOFF, "destroyed"), FETCHING_BROKEN, after(10))
    assert "before all its memory was copied" in lost.sentence


@pytest.mark.parametrize("here", [POST_COPY, POST_COPY_BROKEN])
@pytest.mark.parametrize("there", [ABSENT, SHUT_DOWN])
def test_a_half_that_is_gone_is_lost(here: GuestLook, there: GuestLook) -> None:
    assert verdict(here, there, after(9)) is Outcome.WAIT
    decision = decide(here, there, after(10))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert decision.what_to_do.startswith("Do not resume it on kvm-a")
    assert "--postcopy-resume" not in decision.what_to_do


def test_broken_after_all_of_it_had_come() -> None:
    assert in_progress(decide(POST_COPY_BROKEN, ARRIVED, after(9)), State.ARRIVING)
    decision = decide(POST_COPY_BROKEN, ARRIVED, after(10))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert "paused leftover is still on kvm-a" in decision.sentence


def test_a_half_at_the_destination_is_never_done() -> None:
    for there in (FETCHING, FETCHING_BROKEN):
        assert verdict(ABSENT, there, after(9)) is Outcome.WAIT
        assert verdict(ABSENT, there, after(10)) is Outcome.NEEDS_ATTENTION
    resumed_by_hand = look(RunState.RUNNING, "unpaused", job=JobKind.MIGRATION_IN)
    used = replace(after(10), postcopy_used=True)
    assert verdict(ABSENT, resumed_by_hand, used) is Outcome.NEEDS_ATTENTION
    assert verdict(ABSENT, replace(resumed_by_hand, job=JobKind.NONE), used) is Outcome.DONE


def test_gone_and_running_there_is_done() -> None:
    for job in (RETURNED, ADOPTED, CALLING):
        decision = decide(ABSENT, ARRIVED, job)
        assert decision.outcome is Outcome.DONE
        assert decision.sentence == "web01 runs on kvm-b."
        assert decision.actions == ()


def test_an_error_with_the_guest_there_is_done_and_says_so() -> None:
    decision = decide(ABSENT, ARRIVED, JOB)
    assert decision.outcome is Outcome.DONE
    assert decision.sentence.startswith("web01 runs on kvm-b. libvirt reported an error")
    assert decision.libvirt == "client socket is closed"


def test_shut_off_migrated_and_running_there_is_done_when_the_definition_stays() -> None:
    decision = decide(OFF, ARRIVED, replace(RETURNED, undefine_source=False))
    assert decision.outcome is Outcome.DONE
    assert "kvm-a keeps its shut-off definition" in decision.sentence


def test_definition_still_at_the_source_although_it_should_go() -> None:
    assert verdict(OFF, ARRIVED, after(9, RETURNED)) is Outcome.WAIT
    decision = decide(OFF, ARRIVED, after(10, RETURNED))
    assert (decision.outcome, decision.actions) == (Outcome.WAIT, (Action.UNDEFINE_AT_SOURCE,))


@pytest.mark.parametrize(
    ("here", "there", "job"),
    [
        (OFF, ARRIVED, replace(RETURNED, undefine_error="The host is busy.")),
        (replace(OFF, reason="shutdown"), replace(ARRIVED, reason="unpaused"), RETURNED),  # nobody says "migrated"
        (OFF, replace(ARRIVED, persistent=False), replace(RETURNED, persist=False)),
    ],
)
def test_a_definition_that_kvmweb_leaves_to_a_user(here: GuestLook, there: GuestLook, job: JobRecord) -> None:
    decision = decide(here, there, after(10, job))
    assert (decision.outcome, decision.actions) == (Outcome.NEEDS_ATTENTION, ())
    assert f"On kvm-a run: virsh undefine {UUID} --keep-nvram" in decision.what_to_do
    assert job.undefine_error in decision.cause


def test_no_definition_goes_when_a_copied_disk_is_lost() -> None:
    lost = LostDisk(target="vda", path="/x/a.qcow2", pool="p", how=Loss.DELETED)
    assert decide(OFF, ARRIVED, after(10, replace(RETURNED, lost_disks=(lost,)))).actions == ()


def test_no_definition_at_the_destination_although_wanted() -> None:
    transient = replace(ARRIVED, persistent=False)
    assert verdict(ABSENT, transient, after(9, RETURNED)) is Outcome.WAIT
    assert verdict(ABSENT, transient, after(10, RETURNED)) is Outcome.NEEDS_ATTENTION


def test_a_transient_guest_stays_transient() -> None:
    transient = replace(ARRIVED, persistent=False)
    assert verdict(ABSENT, transient, replace(RETURNED, was_persistent=False)) is Outcome.DONE
    assert verdict(ABSENT, transient, replace(RETURNED, persist=False, undefine_source=False)) is Outcome.DONE


def test_a_guest_paused_before_arrives_paused() -> None:
    paused = replace(RETURNED, was_paused=True)
    assert in_progress(decide(replace(SUSPENDED, job=OUT), INCOMING, after(100, paused)), State.COPYING_MEMORY)
    decision = decide(ABSENT, ARRIVED_PAUSED, paused)
    assert decision.outcome is Outcome.DONE
    assert decision.sentence == "web01 is paused on kvm-b, as it was before."


def test_a_guest_paused_before_stays_paused_at_the_source() -> None:
    decision = decide(SUSPENDED, ABSENT, replace(JOB, was_paused=True))
    assert decision.outcome is Outcome.FAILED
    assert decision.sentence.startswith("web01 is paused on kvm-a")


def test_suspended_while_it_moved_arrives_paused() -> None:
    assert "It was paused during the migration." in decide(ABSENT, ARRIVED_PAUSED, RETURNED).sentence


def test_arrived_but_stopped_by_an_io_error_needs_a_person() -> None:
    broken = look(RunState.PAUSED, "I/O error")
    assert verdict(ABSENT, broken, after(60, RETURNED)) is Outcome.NEEDS_ATTENTION


def test_gone_and_incoming_still_waits() -> None:
    assert verdict(ABSENT, INCOMING, after(59)) is Outcome.WAIT
    assert verdict(ABSENT, INCOMING, after(60)) is Outcome.NEEDS_ATTENTION


def test_gone_on_both_needs_a_person() -> None:
    assert verdict(ABSENT, ABSENT) is Outcome.WAIT
    decision = decide(ABSENT, ABSENT, after(1))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert "recorded with this migration" in decision.what_to_do
    assert "A connection broke" in decision.cause
    assert decision.libvirt == "client socket is closed"


def test_shut_off_and_absent_guest_ended_during_the_migration() -> None:
    decision = decide(SHUT_DOWN, ABSENT, after(1))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert f"On kvm-a run: virsh start {UUID}" in decision.what_to_do


def test_shut_off_on_both_is_a_duplicate_definition() -> None:
    decision = decide(SHUT_DOWN, STALE, after(1))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert "Both hosts have a definition" in decision.what_to_do


def test_started_on_the_destination_is_not_migrated() -> None:
    booted = look(RunState.RUNNING, "booted")
    assert verdict(ABSENT, booted, JOB) is Outcome.NEEDS_ATTENTION
    assert verdict(ABSENT, booted, RETURNED) is Outcome.DONE


def test_cancel_that_worked() -> None:
    decision = decide(RUNS, ABSENT, replace(JOB, cancel_requested=True, aborted=True))
    assert decision.outcome is Outcome.CANCELLED
    assert decision.sentence == "web01 runs on kvm-a. The migration was cancelled."
    assert decision.actions == (Action.DELETE_OWN_VOLUMES,)


def test_cancelled_with_virsh() -> None:
    decision = decide(RUNS, ABSENT, replace(JOB, aborted=True))
    assert decision.outcome is Outcome.CANCELLED
    assert "outside of kvmweb" in decision.sentence


def test_cancel_that_came_too_late() -> None:
    decision = decide(ABSENT, ARRIVED, replace(RETURNED, cancel_requested=True))
    assert decision.outcome is Outcome.DONE
    assert "The cancel came too late." in decision.sentence


def test_another_job_of_the_guest_is_not_the_migration() -> None:
    assert verdict(look(RunState.RUNNING, job=JobKind.OTHER), ABSENT) is Outcome.FAILED


def test_suspended_at_the_source_and_there_too_is_never_let_go() -> None:
    for there in (ARRIVED, ARRIVED_PAUSED, FETCHING, FETCHING_BROKEN):
        assert in_progress(decide(SUSPENDED, there, after(9)), State.ARRIVING)
        decision = decide(SUSPENDED, there, after(10))
        assert decision.outcome is Outcome.NEEDS_ATTENTION
        assert "Never resume it on kvm-a" in decision.what_to_do
    assert decide(SUSPENDED, ARRIVED, after(10)).sentence.startswith("web01 runs on kvm-b")
    assert decide(SUSPENDED, ARRIVED_PAUSED, after(10)).sentence.startswith("web01 is paused on kvm-b")


def test_running_here_and_asleep_there_is_no_end() -> None:
    asleep = look(RunState.PMSUSPENDED, "unknown")
    assert verdict(RUNS, asleep, after(59)) is Outcome.WAIT
    assert verdict(RUNS, asleep, after(60)) is Outcome.NEEDS_ATTENTION
    assert "suspended by its own operating system" in decide(ABSENT, asleep, RETURNED).sentence


def test_an_unclear_source_is_not_called_silent() -> None:
    unread = look(RunState.RUNNING, job=JobKind.UNKNOWN)
    assert "its QEMU does not answer" in decide(unread, ABSENT, JOB).sentence
    assert "is not clear yet" in decide(look(RunState.CRASHED, "panicked"), ABSENT, JOB).sentence
    assert "Waiting for kvm-b to be reachable again" in decide(unread, SILENT, JOB).sentence


def test_an_incoming_guest_is_not_yet_arrived_whatever_its_reason() -> None:
    arriving = look(RunState.PAUSED, "user", job=JobKind.MIGRATION_IN)
    assert verdict(ABSENT, arriving, RETURNED) is Outcome.WAIT
    assert verdict(ABSENT, look(RunState.PAUSED, "unknown"), RETURNED) is Outcome.WAIT


def test_a_job_at_the_destination_does_not_make_a_running_guest_less_running() -> None:
    assert verdict(RUNS, replace(ARRIVED, job=JobKind.MIGRATION_IN), after(10)) is Outcome.NEEDS_ATTENTION


def test_a_source_that_has_not_noticed_is_to_be_paused() -> None:
    assert "switching over" in decide(POST_COPY, FETCHING_BROKEN, after(9)).sentence
    late = decide(POST_COPY, FETCHING_BROKEN, after(10))
    assert in_progress(late, State.POST_COPY)
    assert "Pause post-copy" in late.sentence


def test_a_switch_that_never_ends_needs_a_user() -> None:
    assert in_progress(decide(POST_COPY, INCOMING, after(59)), State.POST_COPY)
    decision = decide(POST_COPY, INCOMING, after(60))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert decision.what_to_do.startswith("Do not resume it on kvm-a, and do not destroy it on either host.")


def test_started_on_one_definition_only() -> None:
    assert "Both hosts" not in decide(SHUT_DOWN, ABSENT, after(1)).what_to_do
    assert "Both hosts" not in decide(ABSENT, STALE, after(1)).what_to_do
    assert f"On kvm-b run: virsh start {UUID}" in decide(ABSENT, STALE, after(1)).what_to_do


def test_a_guest_paused_before_that_runs_there_is_not_called_paused() -> None:
    assert "as it was before" not in decide(ABSENT, ARRIVED, replace(RETURNED, was_paused=True)).sentence
