"""Devices that leave the VM for its migration (option detach)."""

from __future__ import annotations

from hosts.facts.guest import HostDevice
from hosts.facts.unknown import Unknown
from migrations_app.domain.leaving import DETACHED
from migrations_app.domain.option_parts import TAKE_OUT_KINDS
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.driver import host_driver
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import guest_of, remedy

LET_DETACH = remedy(
    "Let kvmweb detach it for the migration: the VM does not have it until it is attached again, on the destination if"
    " that has one.",
    option="detach",
)


def detaches(facts: Facts) -> bool:
    return bool(facts.request.options.detach and facts.request.kind in TAKE_OUT_KINDS and not facts.starts)


def detached(facts: Facts, device: HostDevice) -> bool:
    return detaches(facts) and device.can_leave


def lacks(facts: Facts, device: HostDevice) -> bool | None:
    """Whether the destination is known not to have it; None when kvmweb cannot tell."""
    there, here, name = facts.target.devices, facts.source.devices, f"{device.type} {device.name}"
    if isinstance(there, Unknown) or device.name.startswith("bus "):
        return None
    if name not in there:
        return True
    if device.type != "pci":
        return False
    return None if isinstance(here, Unknown) or name not in here else here[name].model != there[name].model


def replaced_words(facts: Facts, device: HostDevice) -> tuple[Severity, str]:
    """What libvirt itself does with one of a failover team (teaming)."""
    name, target = f"{device.type.upper()} device {device.name} of {guest_of(facts).name}", facts.target.name
    if driver := host_driver(facts, device):
        why = f"{target} itself uses that one (driver {driver}), and libvirt would take it away from {target}."
        return Severity.BLOCKER, f"libvirt unplugs {name} and plugs in the one on the destination: {why}"
    return Severity.INFO, f"libvirt unplugs {name} and plugs in one on the destination (teaming)."


def leaves(device: HostDevice) -> dict[str, str]:
    """In the evidence of what is detached."""
    return {DETACHED: f"{device.type} {device.name}"}


def detached_words(facts: Facts, device: HostDevice) -> tuple[Severity, str]:
    name, target = f"{device.type.upper()} device {device.name}", facts.target.name
    said = f"kvmweb detaches {name} of {guest_of(facts).name} for the migration"
    if device.name.startswith("bus "):
        return Severity.WARNING, f"{said}. It is known by its place on the host: you must attach it on {target}."
    lacking = lacks(facts, device)
    if lacking:
        return Severity.WARNING, f"{said}. {target} does not have it: the VM will run there without it."
    if lacking is None:
        return Severity.WARNING, f"{said}. If {target} does not have it, the VM will run there without it."
    driver = host_driver(facts, device) if device.type == "pci" else ""
    if driver is None:
        words = f"kvmweb cannot tell whether {target} itself uses it: the VM will run there without it."
        return Severity.WARNING, f"{said}. {words}"
    if driver:
        return Severity.WARNING, f"{said}. {target} itself uses it (driver {driver}): the VM will run there without it."
    return Severity.INFO, f"{said}, and attaches the one of {target} afterwards."
