"""What a cancel would do now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated
from migrations_app.domain.lifecycle import NOT_STARTED, State
from migrations_app.words.storage import storage_cancel

if TYPE_CHECKING:
    from migrations_app.models import Migration


def cancel_words(migration: Migration) -> tuple[bool, str]:
    """(may be cancelled, what will be true afterwards)."""
    name, source, target = isolated(migration.guest_name), migration.source, migration.target
    state = State(migration.state)
    if migration.terminal:
        return False, ""
    if migration.cancel_requested_at is not None:
        by = isolated(migration.cancelled_by_name)
        waits = _after_shutdown(migration) if migration.kind_row.stops else "Waiting for libvirt to stop the migration."
        return False, f"Cancel requested by {by}. {waits}"
    if migration.kind_row.same_host:
        return storage_cancel(migration)
    if state in NOT_STARTED:
        return True, f"Nothing has been started yet. {name} stays on {source}."
    if migration.kind_row.stops:
        return _cancel_stop(migration, state)
    if migration.kind_row.cold and state in (State.STARTING, State.ARRIVING):
        return True, f"It may be too late. In that case the definition is on {target}."
    if state in (State.STARTING, State.COPYING_DISKS, State.COPYING_MEMORY):
        stays = "stays paused on" if migration.was_paused else "keeps running on"
        if migration.kind_row.starts_paused:
            stays = "is shut off again on"
        if migration.kind_row.pauses and state is State.COPYING_MEMORY and not migration.was_paused:
            stays = "continues on"
        return True, f"{name} {stays} {source}. The copied data is discarded."
    if state is State.SWITCHING_OVER:
        return True, f"It may be too late. In that case the migration completes and {name} is on {target}."
    if state is State.NEEDS_ATTENTION:
        return False, f"{name} stays locked until it is known where it runs."
    return False, f"Too late to cancel: {name} is past the switchover."


def _cancel_stop(migration: Migration, state: State) -> tuple[bool, str]:
    name, source, target = isolated(migration.guest_name), migration.source, migration.target
    if state in (State.STARTING, State.SHUTTING_DOWN):
        return True, f"{name} was asked to shut down, and may still do so. {_after_shutdown(migration)}"
    if state is State.SWITCHING_OVER:
        return True, f"It may be too late. In that case {name} is started on {target}, otherwise again on {source}."
    if state is State.NEEDS_ATTENTION:
        return False, f"{name} stays locked until it is known where it runs."
    return False, f"Too late to cancel: {name} is being started."


def _after_shutdown(migration: Migration) -> str:
    """What becomes of a VM that was asked to shut down before the cancel."""
    wait = migration.request.options.shutdown_patience_s
    return (
        f"If it shuts down within {wait} s after it was asked, kvmweb starts it again on {migration.source}. If it does"
        " so later, it stays off."
    )
