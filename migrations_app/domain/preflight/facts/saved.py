"""The saved (inactive) definition of a VM that is running: it takes effect at the next start."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.facts.guest import GuestDefinition
from hosts.facts.host import DomainCapabilities
from hosts.facts.unknown import Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFacts:
    """`domcaps` and `cpu` are what TargetFacts has under these names, asked for this definition."""

    definition: GuestDefinition
    domcaps: DomainCapabilities | Unknown
    cpu: tuple[bool, str] | Unknown
