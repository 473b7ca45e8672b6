"""The disks of one guest while they are copied to another place on the same host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hosts.facts.guest import GuestDefinition, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockJob:
    """`to` is the file that the disk is copied to, "" for another kind of job, and for a copy to something else.
    `ready`: all is copied, and every write goes to both. Bytes."""

    to: str = ""
    ready: bool = False
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestDisks:
    """Read in one call. `run` is the number of the guest's run, -1 while it does not run; `live` is None then. `jobs`
    by target, of those disks that were asked for."""

    state: RunState
    run: int
    live: GuestDefinition | None
    saved: GuestDefinition | None
    jobs: Mapping[str, BlockJob] = field(default_factory=dict)
