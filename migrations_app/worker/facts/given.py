"""A definition that no host needs to have: what the source would say if it ran there, and what nobody can ask."""

from __future__ import annotations

from typing import Any

from hosts.facts.guest import GuestDefinition, GuestLook, RunState
from hosts.facts.host import HostCapabilities
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.facts import PeerFact
from migrations_app.domain.preflight.facts.guest import GuestFacts
from migrations_app.worker.facts.namesakes import same_name, same_uuid
from migrations_app.worker.facts.side import Side


def as_if_running(definition: GuestDefinition) -> GuestFacts:
    return GuestFacts(
        definition=definition,
        look=GuestLook(answered=True, present=True, state=RunState.RUNNING, persistent=True),
        persistent=True,
        snapshots=0,
        managed_save=False,
        block_jobs=(),
    )


def namesakes_here(definition: GuestDefinition, source: Side) -> dict[str, Any]:
    """Fields of SourceFacts."""
    return {"same_uuid": same_uuid(definition.uuid, source), "same_name": same_name(definition, source)}


def peer_untried() -> PeerFact:
    """libvirt tries a connection to another host only with a VM that it has."""
    return PeerFact(reached=False, tried=False)


def own_emulator(definition: GuestDefinition, host: dict[str, Any], side: Side) -> GuestDefinition | Unknown:
    """The definition, if its emulator may be asked what it can do: to ask, libvirt runs this program. A user must not
    choose which; the host's own are safe."""
    capabilities: HostCapabilities | Unknown = host["capabilities"]
    if isinstance(capabilities, Unknown):
        return capabilities
    if definition.emulator in ("", *(offer.emulator for offer in capabilities.guests)):
        return definition
    name = side.host.name
    return Unknown(f"{definition.emulator} is not an emulator that libvirt on {name} lists, so kvmweb did not ask it.")
