"""The first lines of a migration's page, and its title: where the VM is and what happens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from hosts.facts.guest import RunState
from kvmweb.web.plain import isolated
from migrations_app.domain.lifecycle import IN_FLIGHT, NOT_STARTED, State
from migrations_app.domain.progress import Progress
from migrations_app.words.badges import badge
from migrations_app.words.places import short_way
from migrations_app.words.storage import storage_headline
from migrations_app.words.stored import told

if TYPE_CHECKING:
    from hosts.models import Sighting
    from migrations_app.models import Migration

#: libvirt's number of the run of a VM that is shut off
NOT_RUNNING = -1
#: how long the worker's last look is newer than anything else
FRESH = timedelta(minutes=2)

#: states with a watch over both hosts: its sentence is what they said
_WATCHED = (
    State.SHUTTING_DOWN, State.COPYING_DISKS, State.COPYING_MEMORY, State.SWITCHING_OVER, State.POST_COPY,
    State.POST_COPY_FAILED, State.ARRIVING, State.VERIFYING, State.NEEDS_ATTENTION,
)  # fmt: skip
#: states in which data comes, unless the network fails
_TRANSFERS = IN_FLIGHT - {State.VERIFYING, State.POST_COPY_FAILED}
_RUNS = {RunState.RUNNING: "running", RunState.BLOCKED: "running", RunState.PAUSED: "paused"}


def headline(migration: Migration, sighting: Sighting | None = None) -> str:
    """The first sentence of a migration's page. `sighting`: where the guest was seen last."""
    name, source, target = isolated(migration.guest_name), str(migration.source), str(migration.target)
    state = State(migration.state)
    if migration.terminal:
        return _ended(migration, sighting)
    if state in _WATCHED and migration.state_text:
        return told(migration)  # what was seen on both hosts
    here = f"{name} {_verb(migration, sighting)}"
    if migration.kind_row.same_host:
        return storage_headline(migration, f"{here} {source}")
    return {
        State.REQUESTED: f"{here} {source}. The migration is waiting for a worker.",
        State.CHECKING: f"{here} {source}. Both hosts are being checked; nothing was started.",
        State.QUEUED: f"{here} {source}. The migration is queued.",
        State.STARTING: f"{here} {source} while {target} prepares to receive it.",
        State.SHUTTING_DOWN: f"{name} was asked to shut down on {source}.",
        State.COPYING_DISKS: f"{here} {source} while its disks are copied to {target}.",
        State.COPYING_MEMORY: f"{here} {source} while libvirt copies it to {target}.",
        State.SWITCHING_OVER: f"{name} is paused for a moment while its last pages are copied to {target}.",
        State.POST_COPY: f"{name} runs on {target} and still fetches memory from {source}.",
        State.POST_COPY_FAILED: f"{name} is divided between {source} and {target}: neither has all its memory.",
        State.ARRIVING: f"{here} {target}; libvirt completes the hand-over.",
        State.VERIFYING: f"Asking {source} and {target} where {name} is.",
        State.NEEDS_ATTENTION: f"kvmweb cannot tell whether {name} is on {source} or {target}. Check both hosts.",
    }[state]


def second_line(migration: Migration, first: str) -> str:
    """What the worker says besides the headline: why it waits, what it does, that no data comes. "" when the headline
    has it. It stays the same while nothing changes: screen readers read it out."""
    said = told(migration)
    if said == first or migration.state == State.CHECKING:
        said = ""
    streamed = "" if migration.terminal else streamed_words(migration)
    return " ".join(filter(None, (said, streamed, _standstill(migration))))


def streamed_words(migration: Migration) -> str:
    """Why its disks are copied through kvmweb, "" when they are not."""
    if not migration.stream:
        return ""
    why = isolated(migration.stream["because"].rstrip("."))
    return f"libvirt on {migration.source} could not start it paused, and so could not copy its disks: {why}."


def _standstill(migration: Migration) -> str:
    if migration.state not in _TRANSFERS or not Progress.from_json(migration.progress).stands_still:
        return ""
    if migration.kind_row.same_host:
        return f"No data is being copied. Check the storage of {migration.source}."
    way = f"Check the network between {migration.source} and {migration.target}"
    if migration.state == State.POST_COPY:
        return (
            f"No data is being transferred, so the VM stops where it needs memory that has not come. {way}. If"
            " it does not go on by itself, pause post-copy, and resume it when the network works again."
        )
    return f"No data is being transferred. {way}; the migration continues when it works again."


def _verb(migration: Migration, sighting: Sighting | None) -> str:
    """As the record says since the start; before it, as the guest was seen last. "is on" claims no more than that."""
    off = (migration.kind_row.off and not migration.kind_row.stops) or migration.source_run == NOT_RUNNING
    if off and migration.state not in NOT_STARTED:
        return "is shut off on"
    if migration.state not in NOT_STARTED and migration.was_paused is not None:
        return "is paused on" if migration.was_paused else "runs on"
    if sighting is None or sighting.host_id != migration.source_id:
        return "is on"
    if sighting.stale_since is not None:
        return "was last seen on"
    return {"running": "runs on", "paused": "is paused on"}.get(_RUNS.get(RunState(sighting.state), ""), "is on")


def _ended(migration: Migration, sighting: Sighting | None) -> str:
    """What the hosts said at the end, while that is still so; else what was true then."""
    name = isolated(migration.guest_name)
    end = migration.target if migration.state == State.DONE else migration.source
    finished = migration.finished_at or migration.state_since
    seen_since = sighting is not None and sighting.seen_at >= finished
    if migration.closed_by_name:
        return told(migration)  # where it is was for a user to say
    if sighting is not None and seen_since and sighting.host_id == end.pk and sighting.stale_since is None:
        running = f"{name} is {_RUNS.get(RunState(sighting.state), sighting.state)} on {end}."
        return told(migration) or running + _how(migration)
    if migration.state_text and not seen_since and timezone.now() - finished < FRESH:
        return told(migration)  # the worker has just looked at both hosts; the inventory follows
    if migration.state == State.DONE:
        if migration.kind_row.same_host:
            return f"{name} was seen on {end}, with its disks at their new places."
        if migration.kind_row.cold and not migration.kind_row.stops:
            return f"The definition of {name} arrived on {end}."
        if migration.kind_row.starts_paused:
            return f"{name} arrived on {end} with its disks."
        stays_paused = migration.was_paused or migration.request.options.keep_paused
        how = "paused" if stays_paused else "running"
        return f"{name} arrived on {end} and was seen {how} there."
    return f"{name} stayed on {end}.{_how(migration)}"


def _how(migration: Migration) -> str:
    if migration.state == State.CANCELLED:
        by = f" by {isolated(migration.cancelled_by_name)}" if migration.cancelled_by_name else ""
        return f" The migration was cancelled{by}."
    return {
        State.FAILED: " The migration failed.",
        State.BLOCKED: " The preflight check stopped the migration before anything was started.",
    }.get(State(migration.state), "")


def short_title(migration: Migration) -> str:
    """For the browser's tab: the state comes first."""
    way = short_way(migration)
    percent = migration.progress.get("percent")
    if migration.state in IN_FLIGHT and percent is not None:
        return f"{percent} % {way}"
    return f"{badge(migration).label}: {way}"
