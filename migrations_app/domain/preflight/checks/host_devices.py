"""Devices of the host that a guest uses are not migrated.

QEMU can migrate some PCI devices since 8.1, with a driver of its own per device: treated as blocked, because a wrong
guess costs the guest its device. libvirt itself unplugs a PCI device with transient teaming before the migration. It
migrates guests with USB devices: the guest sees this one unplugged and one of the destination plugged in. Without one
there libvirt refuses, unless the startup policy lets it leave the device out. It looks for a SCSI device at the same
address, where the destination may have another one.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import HostDevice
from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import DETACH, STOP_INSTEAD, finding, guest_of, remedy

FIXED = ("pci", "mdev", "scsi_host")


@check(
    title="The VM uses no device of the source",
    passed="The VM uses no device of the source.",
    needs=("guest.definition",),
    kinds=LIVE_KINDS,
)
def host_devices(facts: Facts) -> Iterator[Finding]:
    guest = guest_of(facts)
    fix = remedy(DETACH)
    for device in guest.host_devices:
        severity, words = _judge(device, guest.name, facts.source.name)
        evidence = {"type": device.type, "device": device.name}
        fixes = () if severity is Severity.INFO else (fix, STOP_INSTEAD) if severity is Severity.BLOCKER else (fix,)
        yield finding(severity, words, f"device {device.name}", evidence, *fixes)
    for nic in guest.nics:
        if nic.type == "vdpa":
            words = f"NIC {nic.mac} of {guest.name} is a vDPA device of {facts.source.name} and cannot be migrated."
            yield finding(Severity.BLOCKER, words, f"NIC {nic.mac}", {"device": nic.source}, fix, STOP_INSTEAD)


def _judge(device: HostDevice, guest: str, host: str) -> tuple[Severity, str]:
    name = f"{device.type.upper()} device {device.name}"
    if device.teaming_transient:
        return (
            Severity.INFO,
            f"libvirt unplugs {name} of {guest} for the migration and plugs in one on the destination (teaming).",
        )
    if device.type in FIXED:
        return Severity.BLOCKER, f"{guest} uses {name} of {host}, which cannot be migrated."
    if device.type == "usb" and device.startup_policy in ("optional", "requisite"):
        return (
            Severity.WARNING,
            f"{guest} uses {name} of {host}. The VM loses it if the destination has no equivalent one.",
        )
    return (
        Severity.UNKNOWN,
        f"{guest} uses {name} of {host}. kvmweb cannot tell whether the destination has an equivalent one.",
    )
