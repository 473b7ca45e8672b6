"""Every pair of looks of a VM that is shut down for its migration, and what it means."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from hosts.facts.guest import GuestLook, RunState
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.decision import Action, JobRecord, Outcome, StopRecord
from migrations_app.domain.outcome.stop_move_start import decide
from tests.unit.domain.test_outcome_offline import ABSENT, JOB, PAUSED, RUNS, SILENT, UUID

OFF = GuestLook(answered=True, present=True, state=RunState.SHUTOFF, reason="shutdown", persistent=True)
SAVED = replace(OFF, reason="saved")
ENDING = replace(RUNS, state=RunState.SHUTDOWN)
LOOKS = [SILENT, ABSENT, OFF, SAVED, RUNS, PAUSED, ENDING]
PAIRS = list(product(LOOKS, LOOKS))

STOP = StopRecord(asked=True, seconds=5.0, patience_s=180)
ASKED = replace(JOB, call_returned=None, call_made=False, start_wanted=True, stop=STOP)
LATE = replace(ASKED, stop=replace(STOP, seconds=181.0))
WAS_OFF = replace(ASKED, stop=replace(STOP, was_off=True))
SENDING = replace(WAS_OFF, call_made=True, call_running=True)
SENT = replace(SENDING, call_running=False, call_returned=True)
REFUSED = replace(SENT, call_returned=False, call_error="client socket is closed")
BACK = replace(REFUSED, stop=replace(WAS_OFF.stop or STOP, back_tried=True))
CANCELLED = replace(ASKED, cancel_requested=True)
ATTENDED = replace(WAS_OFF, start_tried=True, stop=replace(STOP, was_off=True, attended=True))
JOBS = [
    replace(job, **changes)
    for job in (ASKED, LATE, WAS_OFF, SENDING, SENT, REFUSED, BACK, CANCELLED, ATTENDED)
    for changes in (
        {},
        {"seconds_in_this_view": 0.0},
        {"cancel_requested": True},
        {"elsewhere": ("kvm-c",)},
        {"start_tried": True},
        {"undefine_source": False},
    )
]


@pytest.mark.parametrize(
    ("source", "there", "job", "outcome", "action"),
    [
        (RUNS, ABSENT, ASKED, Outcome.IN_PROGRESS, None),
        (ENDING, ABSENT, ASKED, Outcome.IN_PROGRESS, None),
        (RUNS, SILENT, ASKED, Outcome.IN_PROGRESS, None),
        (RUNS, ABSENT, replace(ASKED, stop=replace(STOP, sure=False)), Outcome.IN_PROGRESS, Action.SHUT_DOWN),
        (RUNS, ABSENT, LATE, Outcome.FAILED, None),
        (RUNS, SILENT, LATE, Outcome.FAILED, None),
        (RUNS, ABSENT, replace(LATE, cancel_requested=True), Outcome.CANCELLED, None),
        (RUNS, ABSENT, replace(ASKED, stop=replace(STOP, other_run=True)), Outcome.FAILED, None),
        (RUNS, ABSENT, replace(ASKED, stop=replace(STOP, asked=False)), Outcome.FAILED, None),
        (OFF, ABSENT, ASKED, Outcome.IN_PROGRESS, Action.SEND_DEFINITION),
        (OFF, ABSENT, CANCELLED, Outcome.IN_PROGRESS, Action.START_AT_SOURCE),
        (
            OFF,
            ABSENT,
            replace(ASKED, stop=replace(STOP, held_back="Why.")),
            Outcome.IN_PROGRESS,
            Action.START_AT_SOURCE,
        ),
        (OFF, SILENT, ASKED, Outcome.NEEDS_ATTENTION, None),
        (OFF, ABSENT, replace(ASKED, elsewhere=("kvm-c",)), Outcome.NEEDS_ATTENTION, None),
        (SAVED, ABSENT, ASKED, Outcome.NEEDS_ATTENTION, None),
        (OFF, ABSENT, ATTENDED, Outcome.NEEDS_ATTENTION, None),
        (RUNS, ABSENT, WAS_OFF, Outcome.FAILED, None),
        (OFF, ABSENT, replace(SENDING, seconds_in_this_view=60.0), Outcome.WAIT, None),
        (OFF, ABSENT, SENDING, Outcome.NEEDS_ATTENTION, None),
        (OFF, ABSENT, replace(SENDING, cancel_requested=True), Outcome.NEEDS_ATTENTION, None),
        (RUNS, ABSENT, SENDING, Outcome.NEEDS_ATTENTION, None),
        (OFF, ABSENT, REFUSED, Outcome.IN_PROGRESS, Action.START_AT_SOURCE),
        (OFF, SILENT, REFUSED, Outcome.NEEDS_ATTENTION, None),
        (OFF, ABSENT, BACK, Outcome.NEEDS_ATTENTION, None),
        (RUNS, ABSENT, BACK, Outcome.FAILED, None),
        (RUNS, SILENT, BACK, Outcome.NEEDS_ATTENTION, None),
        (ABSENT, OFF, WAS_OFF, Outcome.NEEDS_ATTENTION, None),
        (ABSENT, OFF, CANCELLED, Outcome.NEEDS_ATTENTION, None),
        (OFF, OFF, replace(WAS_OFF, undefine_source=False), Outcome.NEEDS_ATTENTION, None),
        (ABSENT, OFF, SENT, Outcome.IN_PROGRESS, Action.START_AT_DESTINATION),
        (ABSENT, OFF, replace(SENT, cancel_requested=True), Outcome.IN_PROGRESS, Action.START_AT_DESTINATION),
        (ABSENT, OFF, replace(SENT, start_tried=True), Outcome.NEEDS_ATTENTION, None),
        (ABSENT, RUNS, SENT, Outcome.DONE, None),
        (SILENT, RUNS, SENT, Outcome.NEEDS_ATTENTION, None),
        (OFF, OFF, SENT, Outcome.NEEDS_ATTENTION, None),
        (OFF, OFF, replace(SENT, undefine_source=False), Outcome.IN_PROGRESS, Action.START_AT_DESTINATION),
        (RUNS, RUNS, SENT, Outcome.NEEDS_ATTENTION, None),
        (ABSENT, ABSENT, SENT, Outcome.NEEDS_ATTENTION, None),
    ],
)
def test_what_a_pair_means(
    source: GuestLook, there: GuestLook, job: JobRecord, outcome: Outcome, action: Action | None
) -> None:
    decision = decide(source, there, job)
    assert (decision.outcome, decision.actions) == (outcome, (action,) if action else ())


@pytest.mark.parametrize(("source", "there"), PAIRS)
def test_nothing_is_started_where_it_may_run_twice(source: GuestLook, there: GuestLook) -> None:
    for job in JOBS:
        _starts_nothing_twice(source, there, job)


def _starts_nothing_twice(source: GuestLook, there: GuestLook, job: JobRecord) -> None:
    decision = decide(source, there, job)
    if decision.actions:
        assert not (job.stop and job.stop.attended) or decision.actions == (Action.START_AT_DESTINATION,)
    if Action.START_AT_SOURCE in decision.actions:
        assert (source, there) == (OFF, ABSENT) or (source, there) == (SAVED, ABSENT)
        assert not job.call_running
        assert not job.elsewhere
    if Action.START_AT_DESTINATION in decision.actions:
        assert there in (OFF, SAVED)
        assert not (source.answered and source.active)
        assert source.answered
        assert not job.start_tried
        assert job.call_made
    if Action.SEND_DEFINITION in decision.actions:
        assert (source, there) == (OFF, ABSENT)
        assert not job.call_made
        assert not job.cancel_requested


@pytest.mark.parametrize(("source", "there"), PAIRS)
def test_an_end_is_seen(source: GuestLook, there: GuestLook) -> None:
    for job in JOBS:
        _ends_as_seen(source, there, job)


def _ends_as_seen(source: GuestLook, there: GuestLook, job: JobRecord) -> None:
    decision = decide(source, there, job)
    if decision.outcome is Outcome.DONE:
        assert there.runs
        assert source.answered
        assert not source.active
    if decision.outcome in (Outcome.FAILED, Outcome.CANCELLED):
        assert source.active
        assert not there.present
        assert there.answered or not job.call_made
    if decision.outcome is Outcome.NEEDS_ATTENTION:
        assert decision.what_to_do


def test_what_it_was_asked_cannot_be_taken_back() -> None:
    decision = decide(RUNS, ABSENT, LATE)
    assert decision.sentence == (
        "web01 runs on kvm-a. The migration failed. It was asked to shut down and may still do so: kvmweb does not start"
        " it then."
    )
    assert decision.cause == "web01 did not shut down within 180 s."


def test_a_cancel_says_what_happens_to_a_vm_that_shuts_down() -> None:
    decision = decide(RUNS, ABSENT, CANCELLED)
    assert decision.state is State.SHUTTING_DOWN
    assert decision.sentence.endswith("Because of the cancel it is started again on kvm-a if it shuts down by then.")


def test_an_adopter_waits_as_long_as_libvirt_may() -> None:
    adopted = replace(SENT, call_returned=None)
    assert decide(OFF, ABSENT, replace(adopted, seconds_in_this_view=30.0)).outcome is Outcome.WAIT
    assert decide(OFF, ABSENT, replace(adopted, seconds_in_this_view=36.0)).actions == (Action.START_AT_SOURCE,)


def test_without_the_silent_host_the_way_on_is_told() -> None:
    decision = decide(OFF, SILENT, REFUSED)
    assert f"then start it on kvm-a: On kvm-a run: virsh start {UUID}" in decision.what_to_do
