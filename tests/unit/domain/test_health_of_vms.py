from __future__ import annotations

import pytest

from hosts.facts.guest import RunState
from migrations_app.domain.lifecycle import State
from portal.domain.health import Health, health


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.BLOCKED, RunState.PAUSED, RunState.SHUTOFF])
def test_what_somebody_wanted_is_well(state: str) -> None:
    assert health(state=state, reason="user") is Health.WELL
    assert health(state=state, reason="migration", migration=State.COPYING_MEMORY) is Health.WELL


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (RunState.CRASHED, "panicked"),
        (RunState.PAUSED, "I/O error"),
        (RunState.SHUTOFF, "crashed"),
        (RunState.PAUSED, "post-copy failed"),
    ],
)
def test_what_nobody_wanted_needs_attention(state: str, reason: str) -> None:
    assert health(state=state, reason=reason) is Health.ATTENTION


def test_a_migration_that_needs_somebody_counts_more_than_silence() -> None:
    assert health(state=None, migration=State.NEEDS_ATTENTION) is Health.ATTENTION
    assert health(state=RunState.RUNNING, fresh=False, migration=State.NEEDS_ATTENTION) is Health.ATTENTION


def test_unknown_is_never_well() -> None:
    assert health(state=None) is Health.NOT_SEEN
    assert health(state=RunState.NOSTATE) is Health.NOT_SEEN
    assert health(state=RunState.RUNNING, fresh=False) is Health.NOT_SEEN
