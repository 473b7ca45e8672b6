from __future__ import annotations

import pytest

from migrations_app.domain.lifecycle import (
    IN_FLIGHT,
    MAY_FOLLOW,
    NOT_STARTED,
    OWNED,
    TERMINAL,
    WAITING,
    Stage,
    State,
    allowed,
    stage_of,
    stages,
)
from migrations_app.words.badges import STATE_BADGES


def test_every_state_says_what_may_follow_and_how_it_looks() -> None:
    assert set(MAY_FOLLOW) == set(State)
    assert set(STATE_BADGES) == set(State)


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_terminal_states_are_final(state: State) -> None:
    assert MAY_FOLLOW[state] == frozenset()


@pytest.mark.parametrize("state", sorted(set(State) - TERMINAL))
def test_no_other_state_is_a_dead_end(state: State) -> None:
    reachable, todo = set[State](), {state}
    while todo:
        found = MAY_FOLLOW[todo.pop()] - reachable
        reachable |= found
        todo |= found
    assert reachable & TERMINAL


def test_nothing_follows_itself() -> None:
    assert not any(allowed(state, state) for state in State)


def test_done_comes_only_after_libvirt_was_asked() -> None:
    before = {old for old in State if allowed(old, State.DONE)}
    assert not before & (NOT_STARTED | {State.STARTING})


def test_blocked_comes_only_from_checking() -> None:
    assert {old for old in State if allowed(old, State.BLOCKED)} == {State.CHECKING}


def test_a_started_migration_never_goes_back_to_the_queue() -> None:
    for old in IN_FLIGHT | {State.NEEDS_ATTENTION}:
        assert not MAY_FOLLOW[old] & (WAITING | {State.CHECKING, State.STARTING})


def test_needs_attention_may_be_judged_again() -> None:
    assert allowed(State.NEEDS_ATTENTION, State.VERIFYING)
    assert State.NEEDS_ATTENTION not in TERMINAL


def test_the_sets_fit_together() -> None:
    assert IN_FLIGHT < OWNED
    assert not OWNED & WAITING
    assert (OWNED | WAITING | TERMINAL | {State.NEEDS_ATTENTION}) == set(State)


def test_stages_run_from_preparing_to_the_end() -> None:
    seen = [stage_of(state) for state in State if stage_of(state)]
    order = list(Stage)
    assert [order.index(stage) for stage in seen if stage] == sorted(order.index(stage) for stage in seen if stage)
    assert stage_of(State.REQUESTED) is None
    assert all(stage_of(state) is None for state in TERMINAL)


def test_disks_that_kvmweb_copies_itself_come_before_the_definition() -> None:
    rest = {"cold": False, "starts_paused": True, "streams": True}
    found = stages(copies=True, starts=True, **rest)
    assert found == [Stage.NEW_DISKS, Stage.DISKS, Stage.DEFINITION, Stage.START]
    assert stages(copies=True, starts=False, **rest) == found[:-1]
    states = (State.STARTING, State.COPYING_DISKS, State.SWITCHING_OVER, State.ARRIVING)
    assert [stage_of(state, **rest) for state in states] == found
