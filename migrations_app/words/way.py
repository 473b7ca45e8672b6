"""How far a migration has come: the side its VM is on, and the stages of the stepper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_app.domain.lifecycle import IN_FLIGHT, Stage, State, stage_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrations_app.models import Migration


def where(migration: Migration) -> str:
    """Where the guest truly is: "source", "between", "target", or "asking" where only the hosts or a person can say."""
    state = State(migration.state)
    if state in (State.VERIFYING, State.NEEDS_ATTENTION) or migration.closed_by_name:
        return "asking"
    if state is State.SWITCHING_OVER:
        return "between"
    return "target" if state in (State.POST_COPY, State.ARRIVING, State.DONE) else "source"


def steps(migration: Migration, states: Iterable[str]) -> list[dict[str, str]]:
    """The stepper: [{"name", "is"}] with `is` one of done, now, stopped, next. `states`: those it went through."""
    stages = list(Stage)
    now = State(migration.state)
    if now is State.DONE:
        return [{"name": stage.value, "is": "done"} for stage in stages]
    passed = [stage for stage in map(stage_of, map(State, states)) if stage is not None]
    here = stage_of(now) if now is not State.VERIFYING else None
    if here is None and now in (State.VERIFYING, State.FAILED, State.CANCELLED, State.NEEDS_ATTENTION) and passed:
        here = max(passed, key=stages.index)
    reached = stages.index(here) if here else -1
    at = "now" if now in IN_FLIGHT else "stopped"
    return [
        {"name": stage.value, "is": "done" if place < reached else at if place == reached else "next"}
        for place, stage in enumerate(stages)
    ]
