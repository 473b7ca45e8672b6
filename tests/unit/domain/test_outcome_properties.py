"""Properties of every pair of observations and every record."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hosts.facts.guest import GuestLook, JobKind, RunState
from migrations_app.domain.lifecycle import State, allowed
from migrations_app.domain.outcome.decision import Action, JobRecord, Loss, LostDisk, Outcome
from migrations_app.domain.outcome.live import decide

REASONS = (
    "", "unknown", "booted", "migrated", "migration", "migration canceled", "post-copy", "post-copy failed", "failed",
    "user", "I/O error", "starting up", "shutdown",
)  # fmt: skip

looks = st.builds(
    GuestLook,
    answered=st.booleans(),
    present=st.booleans(),
    state=st.sampled_from(RunState),
    reason=st.sampled_from(REASONS),
    persistent=st.booleans(),
    job=st.sampled_from(JobKind),
    error=st.text(max_size=5),
)
jobs = st.builds(
    JobRecord,
    guest=st.just("6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11"),
    name=st.text(min_size=1, max_size=8),
    source=st.just("kvm-a"),
    target=st.just("kvm-b"),
    was_paused=st.booleans(),
    was_persistent=st.booleans(),
    persist=st.booleans(),
    undefine_source=st.booleans(),
    suspended=st.booleans(),
    restarted=st.booleans(),
    lost_disks=st.lists(
        st.builds(
            LostDisk, target=st.just("vda"), path=st.just("/x/a.qcow2"), pool=st.just("p"), how=st.sampled_from(Loss)
        ),
        max_size=2,
    ).map(tuple),
    cancel_requested=st.booleans(),
    created_volumes=st.lists(st.just("pool/vol"), max_size=1).map(tuple),
    call_returned=st.none() | st.booleans(),
    call_running=st.booleans(),
    call_error=st.text(max_size=8),
    aborted=st.booleans(),
    seconds_in_this_view=st.floats(min_value=0, max_value=1000),
    postcopy_used=st.booleans(),
)


@settings(max_examples=1000)
@given(source=looks, destination=looks, job=jobs)
def test_an_end_is_always_seen(source: GuestLook, destination: GuestLook, job: JobRecord) -> None:
    decision = decide(source, destination, job)
    if decision.outcome is Outcome.DONE:
        assert destination.answered
        assert destination.active
        assert source.answered
        assert not source.active
    if decision.outcome in (Outcome.FAILED, Outcome.CANCELLED):
        assert source.answered
        assert source.active
        assert destination.answered
        assert not destination.active
        assert not job.call_running


@settings(max_examples=1000)
@given(source=looks, destination=looks, job=jobs)
def test_volumes_go_only_where_nothing_can_use_them(source: GuestLook, destination: GuestLook, job: JobRecord) -> None:
    decision = decide(source, destination, job)
    if Action.DELETE_OWN_VOLUMES in decision.actions:
        assert decision.outcome in (Outcome.FAILED, Outcome.CANCELLED)
        assert job.created_volumes
        assert destination.answered
        assert not destination.present


@settings(max_examples=1000)
@given(source=looks, destination=looks, job=jobs)
def test_a_definition_goes_only_from_where_it_is_off_and_when_the_other_host_has_one(
    source: GuestLook, destination: GuestLook, job: JobRecord
) -> None:
    if Action.UNDEFINE_AT_SOURCE in decide(source, destination, job).actions:
        assert job.undefine_source
        assert source.answered
        assert source.state is RunState.SHUTOFF
        assert destination.answered
        assert destination.active
        assert destination.persistent


@settings(max_examples=600)
@given(source=looks, destination=looks, job=jobs)
def test_every_answer_is_complete(source: GuestLook, destination: GuestLook, job: JobRecord) -> None:
    decision = decide(source, destination, job)
    assert decision.sentence
    assert (decision.state is not None) == (decision.outcome is Outcome.IN_PROGRESS)
    if decision.state is not None:
        assert decision.state in (
            State.COPYING_MEMORY,
            State.SWITCHING_OVER,
            State.POST_COPY,
            State.POST_COPY_FAILED,
            State.ARRIVING,
        )
        assert allowed(State.VERIFYING, decision.state)
    if decision.outcome in (Outcome.NEEDS_ATTENTION, Outcome.FAILED):
        assert decision.what_to_do
        assert decision.cause


@settings(max_examples=600)
@given(source=looks, destination=looks, job=jobs)
def test_resume_at_the_source_is_never_the_advice_while_the_destination_may_run(
    source: GuestLook, destination: GuestLook, job: JobRecord
) -> None:
    advice = decide(source, destination, job).what_to_do
    before, resume, _ = advice.partition("On kvm-a run: virsh resume")
    if resume:
        assert destination.answered or "make sure that it is powered off, then resume it" in before
        assert not destination.runs
        assert not job.postcopy_used
