"""Every pair of looks of a migration for which the VM is started paused, and what it means."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from hosts.facts.guest import GuestLook, JobKind, RunState
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome import patience
from migrations_app.domain.outcome.decision import Action, Decision, JobRecord, Outcome, PausedStart
from migrations_app.domain.outcome.offline_storage import decide
from tests.unit.domain.test_outcome_offline import JOB as OFFLINE

LONG = 1000.0
STARTED = PausedStart(begun=True, sure=True)
OURS_HERE = replace(STARTED, here=True)
OURS_THERE = replace(STARTED, there=True)
JOB = replace(OFFLINE, created_volumes=("db.qcow2",), paused=STARTED, job_seen=True)

SILENT = GuestLook(answered=False, error="timed out")
ABSENT = GuestLook(answered=True)


def look(state: RunState, reason: str = "", job: JobKind = JobKind.NONE) -> GuestLook:
    return GuestLook(answered=True, present=True, state=state, reason=reason, persistent=True, job=job)


OFF, RUNS, CRASHED = look(RunState.SHUTOFF), look(RunState.RUNNING, "unpaused"), look(RunState.CRASHED)
PAUSED = look(RunState.PAUSED, "user")
LEAVES = look(RunState.PAUSED, "user", JobKind.MIGRATION_OUT)
COMES = look(RunState.PAUSED, "migration", JobKind.MIGRATION_IN)
LOOKS = [SILENT, ABSENT, OFF, RUNS, PAUSED, CRASHED, LEAVES, COMES]
FACTS = [
    PausedStart(here=False, there=False),
    STARTED,
    replace(STARTED, sure=False),
    replace(STARTED, here=True, there=True),
    replace(STARTED, here=False, there=False),
    replace(STARTED, here=True, there=True, ran=True),
    replace(STARTED, here=True, there=True, trouble="busy"),
]
JOBS = [
    replace(job, paused=facts, seconds_in_this_view=seconds)
    for facts, seconds in product(FACTS, (0.0, 5.0, LONG))
    for job in (
        JOB,
        replace(JOB, call_returned=None, call_running=True),
        replace(JOB, call_returned=None),
        replace(JOB, call_made=False, call_returned=None),
        replace(JOB, undefine_source=False),
        replace(JOB, start_wanted=True),
        replace(JOB, cancel_requested=True),
        replace(JOB, call_returned=False, call_error="client socket is closed"),
    )
]
ENDS = {Action.END_PAUSED_AT_SOURCE, Action.END_PAUSED_AT_DESTINATION}


@pytest.mark.parametrize("pair", list(product(LOOKS, LOOKS)), ids=str)
def test_nothing_is_ended_that_may_have_run_or_is_not_ours(pair: tuple[GuestLook, GuestLook]) -> None:
    source, destination = pair
    for job in JOBS:
        decision = decide(source, destination, job)
        where = set(decision.actions) & ENDS
        if not where:
            continue
        assert source.answered
        assert destination.answered
        assert not job.paused.ran
        assert not job.call_running
        assert source.active is not destination.active  # on one host alone
        at_source = where == {Action.END_PAUSED_AT_SOURCE}
        active, ours = (source, job.paused.here) if at_source else (destination, job.paused.there)
        assert active.active
        assert ours is True


@pytest.mark.parametrize("pair", list(product(LOOKS, LOOKS)), ids=str)
def test_an_end_leaves_nothing_of_ours_active(pair: tuple[GuestLook, GuestLook]) -> None:
    source, destination = pair
    for job in JOBS:
        decision = decide(source, destination, job)
        if decision.outcome not in (Outcome.DONE, Outcome.FAILED, Outcome.CANCELLED):
            continue
        assert source.answered
        assert destination.answered
        assert not (source.active and job.paused.here is not False)
        assert not (destination.active and job.paused.there is not False)
        if Action.DELETE_OWN_VOLUMES in decision.actions:
            assert not destination.present
            assert source.present


def run(source: GuestLook, destination: GuestLook, job: JobRecord) -> Decision:
    return decide(source, destination, job)


def test_it_is_copied_while_it_is_paused() -> None:
    found = run(LEAVES, COMES, replace(JOB, call_returned=None, call_running=True, paused=OURS_HERE))
    assert (found.outcome, found.state) == (Outcome.IN_PROGRESS, State.COPYING_MEMORY)
    assert found.sentence == "web01 is started paused on kvm-a while it is copied to kvm-b."
    silent = run(LEAVES, SILENT, replace(JOB, call_returned=None, paused=OURS_HERE))
    assert silent.sentence.endswith("kvm-b is not reachable.")


def test_it_is_ended_where_it_arrived() -> None:
    found = run(ABSENT, PAUSED, replace(JOB, paused=OURS_THERE, seconds_in_this_view=0.0))
    assert (found.state, found.actions) == (State.ARRIVING, (Action.END_PAUSED_AT_DESTINATION,))
    calling = replace(JOB, call_returned=None, call_running=True, paused=OURS_THERE)
    assert run(ABSENT, PAUSED, calling).actions == ()


def test_it_is_done_when_it_is_shut_off_there() -> None:
    found = run(ABSENT, OFF, JOB)
    assert (found.outcome, found.sentence) == (Outcome.DONE, "web01 is shut off on kvm-b.")
    starts = run(ABSENT, OFF, replace(JOB, start_wanted=True))
    assert starts.actions == (Action.START_AT_DESTINATION,)


def test_it_is_ended_at_the_source_when_it_stays_there() -> None:
    found = run(PAUSED, ABSENT, replace(JOB, call_returned=False, paused=OURS_HERE, seconds_in_this_view=0.0))
    assert (found.state, found.actions) == (State.VERIFYING, (Action.END_PAUSED_AT_SOURCE,))
    failed = run(OFF, ABSENT, replace(JOB, call_returned=False, call_error="no space left on device"))
    assert (failed.outcome, failed.actions) == (Outcome.FAILED, (Action.DELETE_OWN_VOLUMES,))
    assert failed.cause == "A storage pool is full: the copy of a disk did not fit."
    assert run(OFF, ABSENT, replace(JOB, cancel_requested=True)).outcome is Outcome.CANCELLED


def test_a_new_worker_waits_whether_libvirt_still_begins() -> None:
    adopted = replace(JOB, call_returned=None, job_seen=False, paused=OURS_HERE, seconds_in_this_view=5.0)
    assert run(PAUSED, ABSENT, adopted).outcome is Outcome.WAIT
    waited = run(PAUSED, ABSENT, replace(adopted, seconds_in_this_view=patience.JOB_WAIT_S))
    assert waited.actions == (Action.END_PAUSED_AT_SOURCE,)  # and as long as any other
    begun = replace(JOB, call_made=False, call_returned=None, seconds_in_this_view=5.0)
    assert run(OFF, ABSENT, replace(begun, paused=replace(STARTED, sure=False))).outcome is Outcome.WAIT
    assert run(OFF, ABSENT, begun).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("source", "destination"), [(RUNS, ABSENT), (PAUSED, ABSENT), (ABSENT, RUNS), (ABSENT, PAUSED)]
)
def test_what_ever_ran_is_left_alone(source: GuestLook, destination: GuestLook) -> None:
    found = run(source, destination, replace(JOB, paused=replace(STARTED, here=True, there=True, ran=True)))
    host = "kvm-a" if source.active else "kvm-b"
    assert (found.outcome, found.actions) == (Outcome.NEEDS_ATTENTION, ())
    assert "somebody has resumed it, so kvmweb does not stop it" in found.sentence
    assert f"On {host} run: virsh shutdown" in found.what_to_do


def test_a_run_that_somebody_else_began_is_not_ours() -> None:
    found = run(RUNS, ABSENT, replace(JOB, paused=replace(STARTED, here=False)))
    assert (found.outcome, found.sentence) == (Outcome.FAILED, "web01 runs on kvm-a. The migration failed.")
    assert run(ABSENT, RUNS, replace(JOB, paused=replace(STARTED, there=False))).outcome is Outcome.DONE


def test_what_cannot_be_ended_needs_a_user() -> None:
    stuck = replace(JOB, paused=replace(OURS_THERE, trouble="Device or resource busy"), seconds_in_this_view=LONG)
    found = run(ABSENT, PAUSED, stuck)
    assert (found.outcome, found.actions) == (Outcome.NEEDS_ATTENTION, ())
    assert found.cause.startswith("kvm-b says: Device or resource busy.")
    assert "virsh destroy" in found.what_to_do


def test_a_silent_host_ends_nothing() -> None:
    for pair in ((SILENT, PAUSED), (PAUSED, SILENT), (SILENT, ABSENT), (OFF, SILENT)):
        for seconds in (0.0, LONG):
            facts = replace(STARTED, here=True, there=True)
            found = run(*pair, replace(JOB, paused=facts, seconds_in_this_view=seconds))
            assert found.outcome is (Outcome.NEEDS_ATTENTION if seconds else Outcome.WAIT)
            assert found.actions == ()
