"""What the source reports of the VM that is to migrate."""

from __future__ import annotations

from dataclasses import dataclass, field

from hosts.facts.checkpoint import Checkpoint
from hosts.facts.guest import GuestDefinition, GuestLook, RunState, RuntimeSettings
from hosts.facts.unknown import Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestFacts:
    """`definition` is the live one when the VM is active (that is what migrates), else the inactive one."""

    definition: GuestDefinition | Unknown
    look: GuestLook | Unknown
    persistent: bool | Unknown
    snapshots: int | Unknown
    checkpoints: tuple[Checkpoint, ...] | Unknown
    managed_save: bool | Unknown
    block_jobs: tuple[str, ...] | Unknown
    runtime: RuntimeSettings | Unknown = field(default_factory=RuntimeSettings)

    @property
    def paused(self) -> bool:
        """Seen paused; not seen is not paused."""
        return not isinstance(self.look, Unknown) and self.look.state is RunState.PAUSED

    @property
    def active(self) -> bool:
        """Seen running or paused, or in between; not seen is not active."""
        return not isinstance(self.look, Unknown) and self.look.active
