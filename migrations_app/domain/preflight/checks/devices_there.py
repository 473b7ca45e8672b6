"""A VM that starts on the destination needs the devices there that its definition names.

The same PCI address may be another device there, which libvirt would take away from the host: what it is counts, and
whether the host uses it. A mediated device has its own UUID on each host, and must have been made there.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import HostDevice
from hosts.facts.unknown import Unknown
from migrations_app.domain.kinds import COLD_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.driver import DRIVER, in_use, release
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy

SEEN = ("pci", "mdev", "usb")


@check(
    title="The destination has the devices of its host that the VM uses",
    passed="The destination has every device of its host that the VM uses.",
    needs=("guest.definition",),
    kinds=COLD_KINDS,
)
def devices_there(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    for device in guest.host_devices:
        severity, why, evidence = _judge(facts, device)
        if severity is not Severity.PASSED:
            other = remedy(f"Give {guest.name} a device that {target} has, or choose another destination.")
            fixes = (release(facts, device), other) if DRIVER in evidence else (other,)
            words = f"{guest.name} uses {device.type.upper()} device {device.name}{why}"
            yield finding(severity, words, f"device {device.name}", {"type": device.type, **evidence}, *fixes)
    for nic in guest.nics:
        if nic.type == "vdpa":
            words = f"NIC {nic.mac} of {guest.name} is a vDPA device; kvmweb cannot tell whether {target} has it."
            fix = remedy(f"Check that {target} has {nic.source}.")
            yield finding(Severity.UNKNOWN, words, f"NIC {nic.mac}", {"device": nic.source}, fix)


def _judge(facts: Facts, device: HostDevice) -> tuple[Severity, str, dict[str, str]]:
    here, there, target = facts.source.devices, facts.target.devices, facts.target.name
    unknown = f"; kvmweb cannot tell whether {target} has it."
    name = f"{device.type} {device.name}"
    if device.type not in SEEN or device.name.startswith("bus "):
        return Severity.UNKNOWN, unknown, {}
    if isinstance(there, Unknown):
        return Severity.UNKNOWN, unknown, {"why": there.reason}
    if name not in there:
        optional = device.startup_policy in ("optional", "requisite")
        return Severity.WARNING if optional else Severity.BLOCKER, f", which {target} does not have.", {}
    if isinstance(here, Unknown) or name not in here:
        return Severity.UNKNOWN, f"; kvmweb cannot tell whether the one on {target} is the same model.", {}
    if here[name].model != there[name].model:
        both = {facts.source.name: here[name].model, target: there[name].model}
        return Severity.BLOCKER, f"; that is another device on {target}.", both
    return in_use(facts, device) or (Severity.PASSED, "", {})
