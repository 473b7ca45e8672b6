"""What is left after a migration that did not end as it should, and may hold the VM's newest data, or start it twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import JobKind, RunState
from migrations_app.domain.outcome.case import Case
from migrations_app.domain.outcome.decision import Action, Decision, JobRecord, Outcome
from migrations_app.domain.outcome.live import decide
from migrations_app.domain.outcome.offline import without_leftovers
from tests.unit.domain.test_outcome import (
    ABSENT,
    ADOPTED,
    ARRIVED,
    ARRIVED_PAUSED,
    JOB,
    RUNS,
    SHUT_DOWN,
    SILENT,
    STALE,
    SUSPENDED,
    UUID,
    after,
    look,
)

MIGRATED = look(RunState.SHUTOFF, "migrated")
DELETES = (Action.DELETE_OWN_VOLUMES,)


@pytest.mark.parametrize(
    "job",
    [
        replace(JOB, seen_there=True),
        replace(JOB, seen_there=True, cancel_requested=True),
        replace(JOB, restarted=True, attended=True),
        replace(after(60, ADOPTED), restarted=True),
        replace(after(60, ADOPTED), restarted=None),
    ],
)
def test_disks_are_kept_that_the_vm_may_have_run_with(job: JobRecord) -> None:
    for there in (ABSENT, STALE):
        decision = decide(RUNS, there, job)
        assert decision.outcome is Outcome.NEEDS_ATTENTION
        assert decision.actions == ()
        assert "its newest data may be on either host" in decision.sentence
        assert "start it on kvm-b" in decision.what_to_do


@pytest.mark.parametrize(
    "job",
    [
        replace(JOB, restarted=True),  # watched from its start to its end
        replace(JOB, attended=True),
        after(60, ADOPTED),
        replace(after(60, ADOPTED), call_made=False, restarted=True),
    ],
)
def test_disks_that_it_cannot_have_run_with_are_deleted(job: JobRecord) -> None:
    assert decide(RUNS, ABSENT, job).actions == DELETES


def test_on_shared_disks_nothing_is_to_be_kept() -> None:
    assert decide(RUNS, ABSENT, replace(JOB, seen_there=True, created_volumes=())).outcome is Outcome.FAILED


def test_one_that_is_off_after_it_has_run_there_is_started_there() -> None:
    for here, job in ((MIGRATED, after(60)), (SHUT_DOWN, replace(after(60), seen_there=True))):
        both = decide(here, STALE, job)
        assert both.sentence == "Neither kvm-a nor kvm-b runs web01. It was on kvm-b after its migration."
        assert f"On kvm-b run: virsh start {UUID} and when it runs: On kvm-a run: virsh undefine" in both.what_to_do
        gone = decide(here, ABSENT, job).what_to_do
        assert "virsh start" not in gone
        assert "run virsh define FILE on kvm-b" in gone


def test_where_nobody_knows_the_newest_data_is_looked_for() -> None:
    decision = decide(SHUT_DOWN, STALE, after(60))
    assert "say where it ran last" in decision.what_to_do
    assert "virsh" not in decision.what_to_do
    shared = decide(SHUT_DOWN, STALE, replace(after(60), created_volumes=()))
    assert f"On kvm-a run: virsh start {UUID}" in shared.what_to_do


def test_a_silent_source_does_not_make_a_copy_incomplete_that_it_ran_with() -> None:
    job = replace(after(120), seen_there=True)
    assert f"then start it on kvm-b: On kvm-b run: virsh start {UUID}" in decide(SILENT, STALE, job).what_to_do
    assert "incomplete" not in decide(SILENT, ABSENT, job).what_to_do
    assert "find out whether it has run on kvm-b" in decide(SILENT, STALE, after(120)).what_to_do


def test_what_an_offline_migration_copied_stays_where_the_vm_has_run() -> None:
    failed = Decision(outcome=Outcome.FAILED, sentence="It failed.")
    kept = without_leftovers(failed, Case(SHUT_DOWN, ABSENT, replace(JOB, seen_there=True)))
    assert kept.actions == ()
    assert "The VM has run on kvm-b, so what kvmweb copied there stays" in kept.what_to_do
    assert without_leftovers(failed, Case(SHUT_DOWN, ABSENT, JOB)).actions == DELETES


def test_of_two_that_ran_neither_is_called_incomplete() -> None:
    decision = decide(RUNS, ARRIVED_PAUSED, after(60))
    assert "it is on" not in decision.what_to_do
    assert "kvm-b has it too" in decision.sentence
    assert decision.what_to_do.startswith("Never let both run. Find out which of the two is in use")


# --- autostart ---


def test_a_source_that_keeps_a_definition_does_not_start_it() -> None:
    auto = replace(after(10), autostart=True, undefine_error="libvirt refused.")
    for here in (MIGRATED, SUSPENDED):
        assert decide(here, ARRIVED, auto).actions == (Action.AUTOSTART_OFF_AT_SOURCE,)
        assert decide(here, ARRIVED, replace(auto, autostart=False)).actions == ()


def test_a_silent_source_may_start_it_with_its_boot() -> None:
    auto = replace(after(120), autostart=True)
    assert "it would start the VM a second time: autostart is on" in decide(SILENT, ARRIVED, auto).what_to_do
    assert "autostart" not in decide(SILENT, STALE, auto).what_to_do
    assert "autostart" not in decide(SILENT, ARRIVED, after(120)).what_to_do


# --- its memory ---


@pytest.mark.parametrize("read", [JobKind.MIGRATION_IN, JobKind.UNKNOWN])
def test_in_post_copy_a_job_that_was_not_read_may_still_fetch(read: JobKind) -> None:
    resumed = look(RunState.RUNNING, "unpaused", job=read)
    assert decide(ABSENT, resumed, replace(after(9), postcopy_used=True)).outcome is Outcome.WAIT
