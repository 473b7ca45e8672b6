"""Every pair of looks of a migration whose disks kvmweb copies itself, and what it means."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from hosts.facts.guest import GuestLook
from migrations_app.domain.outcome.decision import Action, Outcome, PausedStart, StreamRecord
from migrations_app.domain.outcome.offline_storage import decide
from tests.unit.domain.test_outcome_offline import JOB as OFFLINE
from tests.unit.domain.test_outcome_offline_storage import ABSENT, CRASHED, OFF, PAUSED, RUNS, SILENT

JOB = replace(
    OFFLINE,
    created_volumes=("db.qcow2",),
    paused=PausedStart(here=False, there=False),
    job_seen=False,
    call_made=False,
    call_returned=None,
    stream=StreamRecord(),
)
COPIED = replace(JOB, stream=StreamRecord(copied=True))
SENT = replace(COPIED, call_made=True)
LOOKS = [SILENT, ABSENT, OFF, RUNS, PAUSED, CRASHED]
PAIRS = list(product(LOOKS, LOOKS))
JOBS = [
    replace(job, seconds_in_this_view=seconds)
    for seconds in (0.0, 1000.0)
    for job in (
        JOB,
        COPIED,
        SENT,
        replace(SENT, call_running=True),
        replace(SENT, call_returned=False, call_error="refused"),
        replace(JOB, stream=StreamRecord(trouble="The pool is full.")),
        replace(JOB, cancel_requested=True),
        replace(JOB, elsewhere=("kvm-c",)),
        replace(SENT, start_wanted=True),
    )
]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_it_is_copied_and_sent_only_while_it_is_off_and_both_say_so(pair: tuple[GuestLook, GuestLook]) -> None:
    for job in JOBS:
        actions = set(decide(*pair, job).actions)
        if actions & {Action.COPY_DISKS, Action.SEND_DEFINITION}:
            assert pair == (OFF, ABSENT)
            assert not any((job.call_made, job.cancel_requested, job.elsewhere))
        if Action.SEND_DEFINITION in actions:
            assert job.stream
            assert job.stream.copied


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_its_copies_go_only_where_nothing_can_use_them(pair: tuple[GuestLook, GuestLook]) -> None:
    source, destination = pair
    for job in JOBS:
        decision = decide(source, destination, job)
        if Action.DELETE_OWN_VOLUMES in decision.actions:
            assert decision.outcome in (Outcome.FAILED, Outcome.CANCELLED)
            assert source.present
            assert destination.answered
            assert not destination.present


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_it_is_done_only_after_it_was_sent(pair: tuple[GuestLook, GuestLook]) -> None:
    for job in JOBS:
        decision = decide(*pair, job)
        assert decision.sentence
        if decision.outcome is Outcome.DONE:
            assert job.call_made
        if decision.outcome in (Outcome.NEEDS_ATTENTION, Outcome.FAILED):
            assert decision.what_to_do
            assert decision.cause


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_nothing_is_started_before_it_was_sent(pair: tuple[GuestLook, GuestLook]) -> None:
    for job in JOBS:
        actions = set(decide(*pair, job).actions)
        assert not actions & {Action.START_AT_SOURCE, Action.END_PAUSED_AT_SOURCE, Action.END_PAUSED_AT_DESTINATION}
        if Action.START_AT_DESTINATION in actions:
            assert job.call_made


def test_trouble_is_its_cause() -> None:
    failed = decide(OFF, ABSENT, replace(JOB, stream=StreamRecord(trouble="The pool is full.")))
    assert (failed.outcome, failed.cause) == (Outcome.FAILED, "The pool is full.")
    started = decide(RUNS, ABSENT, JOB)
    assert (started.outcome, started.cause) == (Outcome.FAILED, "The VM was started during the migration.")


def test_a_definition_that_somebody_made_there_needs_a_user() -> None:
    attention = decide(OFF, OFF, replace(JOB, seconds_in_this_view=1000.0))
    assert attention.outcome is Outcome.NEEDS_ATTENTION
    assert "The copies are not complete" in attention.what_to_do
