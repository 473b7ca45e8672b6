"""Orders to a running migration: when they tell libvirt something, and how they end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.calls.steer import Abort
from hosts.facts.guest import GuestLook, JobKind, RunState
from migrations_app.domain.lifecycle import TERMINAL, State
from migrations_app.domain.order import Next, OrderState, Seen
from migrations_app.domain.orders import ORDERS

CANCEL = ORDERS["cancel"]
MOVING = GuestLook(answered=True, present=True, state=RunState.RUNNING, job=JobKind.MIGRATION_OUT)
SEEN = Seen(source=MOVING, source_name="kvm-a", job_over=False, value=None, since=None)


def test_cancel_aborts_a_job_that_runs_and_again_when_libvirt_goes_on() -> None:
    assert CANCEL.next(SEEN) == Next(tell=Abort())
    assert CANCEL.next(replace(SEEN, since=0.5)) == Next()
    assert CANCEL.next(replace(SEEN, since=5.0)) == Next(tell=Abort())


@pytest.mark.parametrize(
    "seen", [replace(SEEN, job_over=True), replace(SEEN, source=replace(MOVING, job=JobKind.NONE))]
)
def test_cancel_never_aborts_a_job_that_is_not_ours(seen: Seen) -> None:
    assert CANCEL.next(seen) == Next()


@pytest.mark.parametrize("look", [GuestLook(answered=False), replace(MOVING, job=JobKind.UNKNOWN)])
def test_cancel_says_that_it_waits_for_a_silent_host(look: GuestLook) -> None:
    step = CANCEL.next(replace(SEEN, source=look))
    assert (step.tell, step.say) == (None, "The cancel waits until libvirt on kvm-a can be reached.")


@pytest.mark.parametrize("state", sorted(TERMINAL))
@pytest.mark.parametrize("name", sorted(ORDERS))
def test_every_order_is_answered_when_its_migration_ends(name: str, state: State) -> None:
    assert ORDERS[name].ended(state).state in (OrderState.APPLIED, OrderState.REFUSED)


def test_a_cancel_was_applied_when_the_migration_was_cancelled_and_in_no_other_case() -> None:
    applied = [state for state in TERMINAL if CANCEL.ended(state).state is OrderState.APPLIED]
    assert applied == [State.CANCELLED]
