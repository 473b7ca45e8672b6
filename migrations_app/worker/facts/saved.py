"""The definition that the next start uses, of a guest that runs, and what the destination's QEMU says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hosts.facts.guest import GuestDefinition, GuestDetails
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.facts.saved import SavedFacts
from migrations_app.worker.facts.qemu import cpu, domcaps
from migrations_app.worker.facts.side import Side

#: libvirt compares a CPU that is named; each of the others is what the host has at the start
NAMED = "custom"
Definition = GuestDefinition | Unknown
#: the one that migrates, and the one that the next start uses
Definitions = tuple[GuestDefinition, ...] | Unknown


def saved_definition(details: GuestDetails | Unknown) -> GuestDefinition | None:
    """None when there is one definition only: of a guest that is shut off, or transient."""
    if isinstance(details, Unknown):
        return None
    return details.definition if details.persistent and details.live else None


def at_next_start(details: GuestDetails | Unknown) -> GuestDetails | Unknown:
    """Of a guest that runs: only what it has when it starts again."""
    return details if isinstance(details, Unknown) else replace(details, live=None)


def definitions(
    details: GuestDetails | Unknown, given: GuestDefinition | None
) -> tuple[Definition, GuestDefinition | None, Definitions]:
    """The one that migrates, the one that the next start uses if that is another, and both."""
    if given:
        return given, None, (given,)
    if isinstance(details, Unknown):
        return details, None, details
    live, saved = details.live or details.definition, saved_definition(details)
    return live, saved, (live, saved) if saved else (live,)


def saved_facts(saved: GuestDefinition, live: GuestDefinition, told: Mapping[str, Any], side: Side) -> SavedFacts:
    """`told`: what the destination said of the live definition; it is not asked the same again."""
    same = _emulation(saved) == _emulation(live)
    if saved.cpu.mode != NAMED:
        runs: tuple[bool, str] | Unknown = (True, "The VM gets the CPU of the host it starts on.")
    else:
        runs = told["cpu"] if same and saved.cpu == live.cpu else cpu(saved, side)
    return SavedFacts(definition=saved, domcaps=told["domcaps"] if same else domcaps(saved, side), cpu=runs)


def _emulation(guest: GuestDefinition) -> tuple[str, ...]:
    return guest.emulator, guest.arch, guest.machine, guest.virt_type
