"""The table of the method Suspended, where it says something else than live's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from hosts.facts.guest import GuestLook, JobKind, JobStats, RunState
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome import live
from migrations_app.domain.outcome.decision import JobRecord, Outcome
from migrations_app.domain.outcome.suspended import decide
from migrations_app.domain.outcome.whereabouts import suspended_before_the_pause
from tests.unit.domain.test_outcome import (
    ABSENT,
    ARRIVED,
    ARRIVED_PAUSED,
    CALLING,
    INCOMING,
    JOB,
    OUT,
    RESUMED,
    RETURNED,
    SILENT,
    STOPPED,
    SUSPENDED,
    SWITCHING,
    UUID,
    after,
    look,
)
from tests.unit.domain.test_outcome_properties import jobs, looks

RECORD = replace(CALLING, pauses=True)
UNREAD = look(RunState.PAUSED, "migration", job=JobKind.UNKNOWN)


def test_paused_by_its_migration_is_being_copied_however_long() -> None:
    for there in (INCOMING, ABSENT):
        for seconds in (0, 121, 100_000):
            decision = decide(SWITCHING, there, after(seconds, RECORD))
            assert (decision.outcome, decision.state) == (Outcome.IN_PROGRESS, State.COPYING_MEMORY)
            assert decision.sentence == "web01 is paused on kvm-a while its memory is copied to kvm-b."


def test_a_destination_that_is_not_reachable_is_told_meanwhile() -> None:
    assert decide(SWITCHING, SILENT, RECORD).sentence.endswith("copied to kvm-b. kvm-b is not reachable.")


def test_a_vm_that_was_paused_before_is_copied_as_it_is() -> None:
    decision = decide(look(RunState.PAUSED, "user", job=OUT), INCOMING, replace(RECORD, was_paused=True))
    assert decision.sentence == "web01 is paused on kvm-a while libvirt copies it to kvm-b."


def test_while_its_disks_are_copied_a_suspend_is_somebody_elses() -> None:
    decision = decide(SWITCHING, INCOMING, replace(RECORD, suspended=True))
    assert decision.sentence.startswith("Somebody suspended web01 on kvm-a.")


def test_a_qemu_that_does_not_answer_is_told_after_a_while() -> None:
    assert decide(UNREAD, INCOMING, after(119, RECORD)).state is State.COPYING_MEMORY
    decision = decide(UNREAD, INCOMING, after(120, RECORD))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert decision.sentence.startswith("web01 runs nowhere")
    assert "Do not resume the VM on either host." in decision.what_to_do


def test_left_paused_without_a_job_a_user_is_told_what_to_run() -> None:
    stopped = replace(JOB, pauses=True)
    assert decide(STOPPED, ABSENT, after(29, stopped)).outcome is Outcome.WAIT
    decision = decide(STOPPED, ABSENT, after(30, stopped))
    assert decision.outcome is Outcome.NEEDS_ATTENTION
    assert f"On kvm-a run: virsh resume {UUID}" in decision.what_to_do
    assert decide(STOPPED, SILENT, after(1000, stopped)).outcome is Outcome.NEEDS_ATTENTION


def test_what_a_person_paused_is_left_paused_and_called_so() -> None:
    for record in (replace(JOB, pauses=True, was_paused=True), replace(JOB, pauses=True)):
        decision = decide(SUSPENDED, ABSENT, record)
        assert (decision.outcome, decision.what_to_do.startswith("On kvm-a")) == (Outcome.FAILED, False)
        assert decision.sentence.startswith("web01 is paused on kvm-a")


def test_a_cancel_ends_when_it_runs_at_the_source() -> None:
    cancelled = replace(JOB, pauses=True, cancel_requested=True)
    assert decide(STOPPED, ABSENT, cancelled).outcome is Outcome.WAIT
    assert decide(RESUMED, ABSENT, cancelled).outcome is Outcome.CANCELLED


@pytest.mark.parametrize(
    ("record", "there", "sentence"),
    [
        ({}, ARRIVED, "web01 runs on kvm-b."),
        ({"keep_paused": True}, ARRIVED_PAUSED, "web01 is paused on kvm-b. It stays paused, as requested."),
        ({"was_paused": True}, ARRIVED_PAUSED, "web01 is paused on kvm-b, as it was before."),
        ({}, ARRIVED_PAUSED, "web01 is paused on kvm-b. Somebody paused it."),
        (
            {"keep_paused": True}, ARRIVED,
            "web01 runs on kvm-b. It was to stay paused, and somebody has resumed it.",
        ),
    ],
)  # fmt: skip
def test_arrived(record: dict[str, bool], there: GuestLook, sentence: str) -> None:
    decision = decide(ABSENT, there, replace(RETURNED, pauses=True, **record))
    assert (decision.outcome, decision.sentence) == (Outcome.DONE, sentence)


@settings(max_examples=600, deadline=None)
@given(source=looks, destination=looks, job=jobs)
def test_it_is_lives_table_but_for_the_paused_copy(source: GuestLook, destination: GuestLook, job: JobRecord) -> None:
    decision = decide(source, destination, job)
    assert decision.state is not State.SWITCHING_OVER  # its page has no such stage
    if source.reason != "migration":
        assert decision == live.decide(source, destination, job)
    elif decision.outcome in (Outcome.DONE, Outcome.FAILED, Outcome.CANCELLED):
        assert decision.outcome is live.decide(source, destination, job).outcome


def stats(**numbers: int) -> JobStats:
    return JobStats(kind=OUT, **numbers)


def test_who_paused_it() -> None:
    assert suspended_before_the_pause(SWITCHING, stats(disk_total=1000, disk_remaining=500)) is True
    assert suspended_before_the_pause(SWITCHING, stats(disk_total=1000, disk_remaining=10)) is None
    assert suspended_before_the_pause(SWITCHING, stats(memory_total=10, disk_total=1000, disk_remaining=500)) is None
    assert suspended_before_the_pause(SWITCHING, stats()) is None
    assert suspended_before_the_pause(RESUMED, stats(disk_total=1000, disk_remaining=500)) is False
