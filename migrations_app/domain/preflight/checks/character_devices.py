"""The other end of serial ports and channels. QEMU makes most of them itself; some are programs elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import CharacterDevice
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy

#: made by QEMU or libvirt on every host, or judged by another check (paths, ports, what QEMU refuses)
JUDGED = ("", "null", "pty", "vc", "stdio", "spicevmc", "spiceport", "file", "dev", "qemu-vdagent")
#: the backends of a random number generator that are no stream
NO_STREAM = ("random", "builtin", "egd")


@check(
    title="The destination can connect the VM's serial ports and channels",
    passed="QEMU creates the other end of every serial port and channel itself.",
    needs=("guest.definition",),
)
def character_devices(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    for device in guest.character_devices:
        if device.type in JUDGED or (device.device == "rng" and device.type in NO_STREAM) or _listens(device):
            continue
        where = f"{device.address}:{device.port}" if device.port else device.path or "not said"
        words = f"kvmweb cannot tell whether {target} can connect the {device.device} of {guest.name} ({device.type})."
        fix = remedy(f"Make sure that {target} reaches what it is connected to.")
        evidence = {"type": device.type, "connected to": where}
        yield finding(Severity.UNKNOWN, words, f"{device.device} {device.type}", evidence, fix)


def _listens(device: CharacterDevice) -> bool:
    """A socket without a path is one that libvirt makes."""
    return device.type in ("tcp", "unix") and (device.listens or (device.type == "unix" and not device.path))
