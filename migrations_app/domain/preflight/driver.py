"""Whether the destination itself uses a PCI device that the VM gets there. libvirt unbinds a managed one from its
driver without asking: the host, and every VM on it, may lose network or storage."""

from __future__ import annotations

from hosts.facts.guest import HostDevice
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Remedy, Severity
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import remedy
from migrations_app.domain.virsh import virsh

DRIVER = "driver"


def host_driver(facts: Facts, device: HostDevice) -> str | None:
    """The driver of the destination that uses it there: "" for none, None when kvmweb cannot tell."""
    there = facts.target.devices
    seen = None if isinstance(there, Unknown) else there.get(f"{device.type} {device.name}")
    if seen is None or seen.driver is None:
        return None
    return "" if seen.free else seen.driver


def in_use(facts: Facts, device: HostDevice) -> tuple[Severity, str, dict[str, str]] | None:
    """What is wrong with one that the destination has; its last words. On the source, it has just been the VM's."""
    if device.type != "pci" or facts.starts:
        return None
    driver, target = host_driver(facts, device), facts.target.name
    if driver is None:
        return Severity.UNKNOWN, f"; kvmweb cannot tell whether {target} itself uses the one there.", {}
    if driver:
        words = f"; {target} itself uses the one there (driver {driver}), and libvirt would take it away from {target}."
        return Severity.BLOCKER, words, {DRIVER: driver}
    return None


def release(facts: Facts, device: HostDevice) -> Remedy:
    node, there = f"pci_{device.name.replace(':', '_').replace('.', '_')}", facts.target.name
    return remedy(
        f"If {there} can do without it, detach it from its driver on {there}.",
        run=virsh("nodedev-detach", node),
        on=there,
    )
