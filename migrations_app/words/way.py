"""How far a migration has come: the side its VM is on, and the stages of the stepper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_app.domain.lifecycle import IN_FLIGHT, Stage, State, stage_of, stages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrations_app.models import Migration

#: the step it has come to, where it is neither under way nor stopped by a failure
_AT = {State.VERIFYING: "asking", State.POST_COPY_FAILED: "stopped", State.CANCELLED: "cancelled"}


def where(migration: Migration) -> str:
    """Where the guest truly is: "source", "between", "target", or "asking" where only the hosts or a user can say."""
    state = State(migration.state)
    if state in (State.VERIFYING, State.NEEDS_ATTENTION) or migration.closed_by_name:
        return str(migration.waiting.get("at") or "asking")
    if state is State.SWITCHING_OVER:
        return "between"
    return "target" if state in (State.POST_COPY, State.POST_COPY_FAILED, State.ARRIVING, State.DONE) else "source"


def steps(migration: Migration, states: Iterable[str]) -> list[dict[str, str]]:
    """The stepper: [{"name", "is"}] with `is` one of done, now, asking, stopped, cancelled, next. `states`: those it
    went through, in that order."""
    now = State(migration.state)
    row = migration.kind_row
    which = {
        "cold": row.cold,
        "stays": row.same_host,
        "starts_paused": row.starts_paused,
        "stops": row.stops,
        "streams": bool(migration.stream),
    }
    been = [stage for state in states if (stage := stage_of(State(state), **which)) is not None]
    here = stage_of(now, **which) or (been[-1] if been else None)
    options = migration.request.options
    copies = row.copies or bool(row.may_copy and options.copy_disks) or here is Stage.DISKS
    all_stages = stages(copies=copies, starts=options.start_after, pauses=row.pauses, **which)
    reached = len(all_stages) if now is State.DONE else all_stages.index(here) if here else -1
    at = _AT.get(now, "now" if now in IN_FLIGHT else "stopped")
    return [
        {"name": stage.value, "is": "done" if place < reached else at if place == reached else "next"}
        for place, stage in enumerate(all_stages)
    ]
