"""Every pair of looks of an offline migration, and what it means."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from hosts.facts.guest import GuestLook, RunState
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.decision import Action, JobRecord, Outcome
from migrations_app.domain.outcome.offline import decide

UUID = "6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11"
LONG = 1000.0
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
    call_returned=True,
    call_running=False,
    seconds_in_this_view=LONG,
    job_seen=False,
)
CALLING = replace(JOB, call_returned=None, call_running=True)
ADOPTED = replace(JOB, call_returned=None)
KEEPS = replace(JOB, undefine_source=False)
STARTS = replace(JOB, start_wanted=True)
TRIED = replace(STARTS, start_tried=True)

SILENT = GuestLook(answered=False, error="timed out")
ABSENT = GuestLook(answered=True)


def look(state: RunState) -> GuestLook:
    return GuestLook(answered=True, present=True, state=state, persistent=True)


OFF, RUNS, PAUSED, CRASHED = map(look, (RunState.SHUTOFF, RunState.RUNNING, RunState.PAUSED, RunState.CRASHED))
LOOKS = [SILENT, ABSENT, OFF, RUNS, PAUSED, CRASHED]
PAIRS = list(product(LOOKS, LOOKS))
JOBS = [
    replace(job, **changes)
    for job in (JOB, CALLING, ADOPTED, KEEPS, STARTS, TRIED, replace(KEEPS, start_wanted=True))
    for changes in (
        {},
        {"seconds_in_this_view": 0.0},
        {"cancel_requested": True},
        {"elsewhere": ("kvm-c",)},
        {"call_returned": False, "call_error": "client socket is closed"},
    )
]


@pytest.mark.parametrize(
    ("source", "there", "outcome"),
    [
        (ABSENT, OFF, Outcome.DONE),
        (ABSENT, RUNS, Outcome.DONE),
        (OFF, ABSENT, Outcome.FAILED),
        (RUNS, ABSENT, Outcome.FAILED),
        (PAUSED, ABSENT, Outcome.FAILED),
        *[
            (source, there, Outcome.NEEDS_ATTENTION)
            for source, there in PAIRS
            if (source, there)
            not in [(ABSENT, OFF), (ABSENT, RUNS), (OFF, ABSENT), (RUNS, ABSENT), (PAUSED, ABSENT), (CRASHED, ABSENT)]
        ],
    ],
)
def test_every_pair_after_the_call(source: GuestLook, there: GuestLook, outcome: Outcome) -> None:
    assert decide(source, there, JOB).outcome is outcome


@pytest.mark.parametrize("job", JOBS)
def test_only_a_pair_that_is_right_is_done(job: JobRecord) -> None:
    for source, there in PAIRS:
        if decide(source, there, job).outcome is not Outcome.DONE:
            continue
        assert there in (OFF, RUNS)
        assert source is ABSENT or (source is OFF and not job.undefine_source)
        assert there is RUNS or not job.start_wanted or job.cancel_requested
        assert there is RUNS or not job.elsewhere


@pytest.mark.parametrize("job", JOBS)
def test_it_is_started_once_and_only_where_the_destination_alone_has_it(job: JobRecord) -> None:
    for source, there in PAIRS:
        if Action.START_AT_DESTINATION not in decide(source, there, job).actions:
            continue
        assert job.start_wanted
        assert not any((job.start_tried, job.cancel_requested, job.elsewhere, job.call_running))
        assert there is OFF
        assert source is ABSENT or (source is OFF and not job.undefine_source)


def test_the_start_is_asked_for() -> None:
    decision = decide(ABSENT, OFF, STARTS)
    assert (decision.outcome, decision.state) == (Outcome.IN_PROGRESS, State.ARRIVING)
    assert decision.actions == (Action.START_AT_DESTINATION,)
    assert decide(OFF, OFF, replace(KEEPS, start_wanted=True)).actions == (Action.START_AT_DESTINATION,)


def test_what_kvmweb_did_not_send_is_not_started() -> None:
    never = replace(STARTS, call_made=False)
    decision = decide(ABSENT, OFF, never)
    assert (decision.outcome, decision.sentence) == (
        Outcome.NEEDS_ATTENTION,
        "web01 is defined on kvm-b, but kvmweb did not send it.",
    )
    assert "may be missing on kvm-b" in decision.what_to_do
    assert decide(ABSENT, OFF, replace(never, seconds_in_this_view=1.0)).outcome is Outcome.WAIT
    for keeps in (never, replace(never, undefine_source=False)):
        both = decide(OFF, OFF, keeps)
        assert both.outcome is Outcome.NEEDS_ATTENTION
        assert f"On kvm-b run: virsh undefine {UUID} --keep-nvram" in both.what_to_do


def test_a_start_that_was_tried_is_waited_for_and_not_tried_again() -> None:
    assert decide(ABSENT, OFF, replace(TRIED, seconds_in_this_view=1.0)).outcome is Outcome.WAIT
    decision = decide(ABSENT, OFF, TRIED)
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert decision.what_to_do.endswith(f"On kvm-b run: virsh start {UUID}")
    refused = decide(ABSENT, OFF, replace(TRIED, start_error="kvm-c is not reachable.", seconds_in_this_view=0.0))
    assert (refused.outcome, refused.cause) == (Outcome.NEEDS_ATTENTION, "kvm-c is not reachable.")
    assert decide(ABSENT, RUNS, TRIED).sentence == "web01 runs on kvm-b."


@pytest.mark.parametrize("there", [ABSENT, OFF, SILENT])
@pytest.mark.parametrize("source", [ABSENT, OFF])
def test_while_the_call_runs_nothing_is_an_end_but_the_right_one(source: GuestLook, there: GuestLook) -> None:
    outcome = decide(source, there, replace(CALLING, seconds_in_this_view=5.0)).outcome
    assert outcome is (Outcome.DONE if (source, there) == (ABSENT, OFF) else Outcome.WAIT)


@pytest.mark.parametrize(
    ("source", "there"), [(OFF, ABSENT), (RUNS, ABSENT), (ABSENT, ABSENT), (OFF, OFF), (ABSENT, OFF)]
)
def test_a_call_that_hangs_needs_a_user(source: GuestLook, there: GuestLook) -> None:
    for job in (CALLING, replace(CALLING, cancel_requested=source.present)):
        job = replace(job, start_wanted=True)
        assert decide(source, there, replace(job, seconds_in_this_view=100.0)).outcome is Outcome.WAIT
        decision = decide(source, there, job)
        assert (decision.outcome, decision.hangs, decision.actions) == (Outcome.NEEDS_ATTENTION, True, ())
        assert "libvirt on kvm-b has not completed its migration for more than 120 s." in decision.sentence
        assert "hook in /etc/libvirt/hooks" in decision.what_to_do


def test_whoever_did_not_make_the_call_that_hangs_does_not_take_it_for_over() -> None:
    hung = replace(ADOPTED, call_hung=True)
    for source in (OFF, RUNS):
        decision = decide(source, ABSENT, hung)
        assert decision.outcome is Outcome.NEEDS_ATTENTION
        assert "close this migration as an admin" in decision.what_to_do
    assert decide(ABSENT, OFF, hung).outcome is Outcome.DONE
    assert decide(OFF, ABSENT, replace(hung, call_returned=False)).outcome is Outcome.FAILED


def test_an_adopter_waits_until_the_call_cannot_begin_any_more() -> None:
    assert decide(OFF, ABSENT, replace(ADOPTED, seconds_in_this_view=20.0)).outcome is Outcome.WAIT
    assert decide(OFF, ABSENT, ADOPTED).outcome is Outcome.FAILED
    never_asked = replace(ADOPTED, call_made=False, seconds_in_this_view=0.0)
    assert decide(OFF, ABSENT, never_asked).outcome is Outcome.FAILED


def test_a_cancel_that_came_in_time() -> None:
    decision = decide(OFF, ABSENT, replace(JOB, cancel_requested=True))
    assert (decision.outcome, decision.sentence) == (
        Outcome.CANCELLED,
        "web01 is shut off on kvm-a. The migration was cancelled.",
    )


def test_a_vm_that_is_active_elsewhere_is_started_nowhere() -> None:
    for source, there in ((ABSENT, OFF), (OFF, ABSENT), (ABSENT, ABSENT)):
        decision = decide(source, there, replace(STARTS, elsewhere=("kvm-c",)))
        assert (decision.outcome, decision.sentence) == (
            Outcome.NEEDS_ATTENTION,
            "web01 was last seen active on kvm-c.",
        )


def test_silence_is_waited_for_first() -> None:
    for source, there in PAIRS:
        if SILENT in (source, there):
            assert decide(source, there, replace(JOB, seconds_in_this_view=60.0)).outcome is Outcome.WAIT
            assert "power" in decide(source, there, JOB).what_to_do


@pytest.mark.parametrize("job", JOBS)
def test_every_sentence_is_whole(job: JobRecord) -> None:
    for source, there in PAIRS:
        decision = decide(source, there, job)
        assert decision.sentence.endswith(".")
        assert "  " not in decision.sentence + decision.what_to_do + decision.cause
        if decision.outcome is Outcome.NEEDS_ATTENTION:
            assert decision.what_to_do
