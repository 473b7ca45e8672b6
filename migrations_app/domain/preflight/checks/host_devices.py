"""Devices of the host that a guest uses are not migrated.

QEMU can migrate some PCI devices since 8.1, with a driver of its own per device: treated as blocked, because a wrong
guess costs the guest its device. libvirt itself unplugs a PCI device with transient teaming before the migration. It
migrates guests with USB devices: the guest sees this one unplugged and one of the destination plugged in. Without one
there libvirt refuses, unless the startup policy lets it leave the device out. It looks for a SCSI device at the same
address, where the destination may have another one. With the option detach, kvmweb detaches what can leave.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import HostDevice
from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.leaving import LET_DETACH, detached, detached_words, lacks, leaves, replaced_words
from migrations_app.domain.preflight.shared import DETACH, STOP_INSTEAD, finding, guest_of, remedy, takes_out

FIXED = ("pci", "mdev", "scsi_host")


@check(
    title="The VM uses no device of the source",
    passed="The VM uses no device of the source.",
    needs=("guest.definition",),
    kinds=LIVE_KINDS,
)
def host_devices(facts: Facts) -> Iterator[Finding]:
    guest = guest_of(facts)
    by_hand = remedy(DETACH)
    for device in guest.host_devices:
        evidence, affects = {"type": device.type, "device": device.name}, f"device {device.name}"
        if detached(facts, device):
            yield finding(*detached_words(facts, device), affects, evidence | leaves(device))
            continue
        severity, words = _judge(facts, device)
        by_kvmweb = (LET_DETACH,) if takes_out(facts, "detach") and device.can_leave else ()
        fixes = (*by_kvmweb, by_hand, *((STOP_INSTEAD,) if severity is Severity.BLOCKER else ()))
        yield finding(severity, words, affects, evidence, *(() if severity is Severity.INFO else fixes))
    for nic in guest.nics:
        if nic.type == "vdpa":
            words = f"NIC {nic.mac} of {guest.name} is a vDPA device of {facts.source.name} and cannot be migrated."
            yield finding(Severity.BLOCKER, words, f"NIC {nic.mac}", {"device": nic.source}, by_hand, STOP_INSTEAD)


def _judge(facts: Facts, device: HostDevice) -> tuple[Severity, str]:
    guest, target = guest_of(facts).name, facts.target.name
    name, lacking = f"{device.type.upper()} device {device.name}", lacks(facts, device)
    uses = f"{guest} uses {name} of {facts.source.name}"
    if device.teaming_transient and not lacking:
        return replaced_words(facts, device)
    if device.type in FIXED and not device.teaming_transient:
        return Severity.BLOCKER, f"{uses}, which cannot be migrated."
    if device.type == "usb" and device.startup_policy in ("optional", "requisite"):
        return Severity.WARNING, f"{uses}. The VM loses it if the destination has no equivalent one."
    if lacking:
        return Severity.BLOCKER, f"{uses}, and {target} does not have it: libvirt would refuse the migration."
    return Severity.UNKNOWN, f"{uses}. kvmweb cannot tell whether the destination has an equivalent one."
