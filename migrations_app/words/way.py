"""How far a migration has come: the side its VM is on, and the stages of the stepper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_app.domain.lifecycle import IN_FLIGHT, PAUSED_STAGES, Stage, State, stage_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrations_app.models import Migration

#: the step it has come to, where it is neither under way nor stopped by a failure
_AT = {State.VERIFYING: "asking", State.CANCELLED: "cancelled"}


def where(migration: Migration) -> str:
    """Where the guest truly is: "source", "between", "target", or "asking" where only the hosts or a user can say."""
    state = State(migration.state)
    if state in (State.VERIFYING, State.NEEDS_ATTENTION) or migration.closed_by_name:
        return str(migration.waiting.get("at") or "asking")
    if state is State.SWITCHING_OVER:
        return "between"
    return "target" if state in (State.POST_COPY, State.ARRIVING, State.DONE) else "source"


def steps(migration: Migration, states: Iterable[str]) -> list[dict[str, str]]:
    """The stepper: [{"name", "is"}] with `is` one of done, now, asking, stopped, cancelled, next. `states`: those it
    went through, in that order."""
    now = State(migration.state)
    been = [stage for stage in map(stage_of, map(State, states)) if stage is not None]
    here = stage_of(now) or (been[-1] if been else None)
    row = migration.kind_row
    copies = row.copies or bool(migration.options.get("copy_disks")) or here is Stage.DISKS
    all_of_them = PAUSED_STAGES if row.pauses else Stage
    stages = [stage for stage in all_of_them if copies or stage is not Stage.DISKS]
    reached = len(stages) if now is State.DONE else stages.index(here) if here else -1
    at = _AT.get(now, "now" if now in IN_FLIGHT else "stopped")
    return [
        {"name": stage.value, "is": "done" if place < reached else at if place == reached else "next"}
        for place, stage in enumerate(stages)
    ]
