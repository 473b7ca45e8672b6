"""Devices of the host inside a guest stay where they are.

QEMU can migrate some PCI devices since 8.1, with a driver of its own per device: treated as blocked, because a wrong
guess costs the guest its device. A PCI device with transient teaming is unplugged by libvirt itself beforehand.
libvirt migrates guests with USB devices: the guest sees this one unplugged and one of the destination plugged in, and
without one there the migration is refused, unless the startup policy allows to leave it out. A SCSI device is looked
for at the same address, where the destination may have another one.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import HostDevice
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy

FIXED = ("pci", "mdev", "scsi_host")


@check(
    title="The VM uses no device of the source host",
    passed="The VM uses no device of the host.",
    needs=("guest.definition",),
)
def host_devices(facts: Facts) -> Iterator[Finding]:
    guest = guest_of(facts)
    fix = remedy("Detach it from the running VM, then migrate.")
    for device in guest.host_devices:
        severity, words = _judge(device, guest.name)
        evidence = {"type": device.type, "device": device.name}
        fixes = () if severity is Severity.INFO else (fix,)
        yield finding(severity, words, f"device {device.name}", evidence, *fixes)
    for nic in guest.nics:
        if nic.type == "vdpa":
            words = f"NIC {nic.mac} of {guest.name} is a vDPA device of {facts.source.name} and cannot be migrated."
            yield finding(Severity.BLOCKER, words, f"NIC {nic.mac}", {"device": nic.source}, fix)


def _judge(device: HostDevice, guest: str) -> tuple[Severity, str]:
    name = f"{device.type.upper()} device {device.name}"
    if device.teaming_transient:
        return (
            Severity.INFO,
            f"{name} of {guest} is unplugged for the migration, and another one is plugged in afterwards (teaming).",
        )
    if device.type in FIXED:
        return Severity.BLOCKER, f"{guest} uses {name} of its host, which cannot be migrated."
    if device.type == "usb" and device.startup_policy in ("optional", "requisite"):
        return (
            Severity.WARNING,
            f"{guest} uses {name} of its host. It is unplugged if the destination has no equivalent one.",
        )
    return (
        Severity.UNKNOWN,
        f"{guest} uses {name} of its host. kvmweb cannot tell whether the destination has an equivalent one.",
    )
