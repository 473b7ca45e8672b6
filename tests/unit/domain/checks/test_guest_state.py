from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import GuestLook, RunState
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import HEALTHY, SILENT, changed, facts, look, only, run, with_options


def state(state: RunState, reason: str = "") -> Facts:
    return facts(guest_look=replace(look, state=state, reason=reason))


@pytest.mark.parametrize(
    "given", [HEALTHY, state(RunState.PAUSED, "user"), state(RunState.PAUSED, "unknown"), state(RunState.BLOCKED)]
)
def test_passes_for_running_and_paused(given: Facts) -> None:
    assert run("guest_state", given) == ()


@pytest.mark.parametrize("other", [RunState.SHUTOFF, RunState.CRASHED])
def test_a_state_that_the_kind_does_not_move_is_said_once(other: RunState) -> None:
    assert run("guest_state", state(other)) == ()


@pytest.mark.parametrize("reason", ["migration", "post-copy", "post-copy failed"])
def test_the_rest_of_another_migration_blocks(reason: str) -> None:
    only("guest_state", state(RunState.PAUSED, reason), Severity.BLOCKER)


def test_an_io_error_warns_and_blocks_with_abort_on_error() -> None:
    paused = state(RunState.PAUSED, "I/O error")
    only("guest_state", paused, Severity.WARNING)
    only("guest_state", with_options(paused, abort_on_error=True), Severity.BLOCKER)


def test_a_guest_that_left_blocks_also_without_its_definition() -> None:
    gone = facts(guest_look=GuestLook(answered=True))
    assert only("guest_state", gone, Severity.BLOCKER).summary == "web01 is no longer on kvm-a."
    finding = only("guest_state", changed(gone, guest_definition=SILENT), Severity.BLOCKER)
    assert finding.summary == "The VM is no longer on kvm-a."


def test_unknown_when_nobody_said() -> None:
    only("guest_state", facts(guest_look=SILENT), Severity.UNKNOWN)
    only("guest_state", facts(guest_look=GuestLook(answered=False, error="timed out")), Severity.UNKNOWN)
