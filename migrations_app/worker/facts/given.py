"""A definition that no host needs to have: what the source would say if it ran there, and what nobody can ask.

libvirt itself never gets it: to make a command line of one (domxml-to-native) it opens tap devices, and libvirt 9.0
crashes on a NIC of type hostdev.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hosts.facts.guest import GuestDefinition, GuestLook, RunState
from hosts.facts.host import HostCapabilities
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.facts import PeerFact
from migrations_app.domain.preflight.facts.guest import GuestFacts
from migrations_app.worker.facts.namesakes import same_name, same_uuid
from migrations_app.worker.facts.side import Side


def as_defined(definition: GuestDefinition, source: Side) -> GuestDefinition:
    """With the machine type that the source's libvirt would write into it: it resolves an alias such as q35."""
    capabilities = source.learn(lambda c: c.capabilities())
    if isinstance(capabilities, Unknown):
        return definition
    offers = [offer for offer in capabilities.guests if offer.arch == definition.arch]
    names = {machine.name: machine.canonical for offer in offers for machine in offer.machines}
    return replace(definition, machine=names.get(definition.machine, definition.machine))


def as_if_running(definition: GuestDefinition) -> GuestFacts:
    return GuestFacts(
        definition=definition,
        look=GuestLook(answered=True, present=True, state=RunState.RUNNING, persistent=True),
        persistent=True,
        snapshots=0,
        checkpoints=(),
        managed_save=False,
        block_jobs=(),
    )


def namesakes_here(definition: GuestDefinition, source: Side) -> dict[str, Any]:
    """Fields of SourceFacts."""
    return {"same_uuid": same_uuid(definition.uuid, source), "same_name": same_name(definition, source)}


def peer_untried() -> PeerFact:
    """libvirt tries a connection to another host only with a VM that it has."""
    return PeerFact(reached=False, tried=False)


def cpu_of_start(
    definition: GuestDefinition, here: dict[str, Any], there: dict[str, Any], compared: tuple[bool, str] | Unknown
) -> tuple[bool, str] | Unknown:
    """`compared`, where the definition says which CPU it is. With host-model libvirt makes one like the source's when
    the VM starts, and there is nothing to compare before."""
    if definition.virt_type != "kvm" or definition.cpu.mode != "host-model":
        return compared
    ours: HostCapabilities | Unknown = here["capabilities"]
    theirs: HostCapabilities | Unknown = there["capabilities"]
    if isinstance(ours, Unknown):
        return ours
    if isinstance(theirs, Unknown):
        return theirs
    if ours.cpu_model and _cpu(ours) == _cpu(theirs):
        return True, "The VM gets a CPU like the source's, and both hosts have the same one."
    return Unknown(
        f"With host-model the VM gets a CPU like that of {here['name']}, and {there['name']} has a different one.",
        "Name a CPU model that both hosts support, or check the VM when it runs.",
    )


def _cpu(host: HostCapabilities) -> tuple[object, ...]:
    return host.cpu_vendor, host.cpu_model, host.cpu_features


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
