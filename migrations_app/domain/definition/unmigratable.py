"""What QEMU refuses to migrate, whatever the destination. One row a device.

Measured with QEMU 7.2 and 10.0 (a migration into a pipe, device by device), where that is possible without the
hardware; else from QEMU's source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hosts.facts.guest import GuestDefinition
from hosts.facts.xml import number

DEVICE = "State blocked by non-migratable device"
ENCRYPTED = "QEMU cannot migrate encrypted guests"


@dataclass(frozen=True, slots=True)
class Row:
    """`values` () stands for any. `words` are QEMU's."""

    paths: tuple[str, ...]
    values: tuple[str, ...]
    what: str
    words: str


#: those that libvirt names and QEMU cannot hand over
FORMATS = ("vmdk", "vdi", "vpc", "vhd", "qcow", "ploop", "bochs", "cloop", "dmg")
_STREAMS = ("serial", "parallel", "console", "channel", "redirdev", "smartcard")
STREAMS = tuple(f"devices/{kind}/@type" for kind in _STREAMS)
USB_SERIAL = ("devices/serial/target/@type", "devices/serial/target/model/@name")
IMAGES = ("devices/disk/driver/@type", "devices/disk/backingStore/format/@type")
HYPERV = ("features/hyperv/@mode",)
ACCELERATION = ("devices/video/model/acceleration/@accel3d",)
VDAGENT = "The vdagent chardev doesn't yet support migration"
INVTSC = "State blocked by non-migratable CPU device (invtsc flag)"
PEER = "Migration is disabled when using feature 'peer mode' in device 'ivshmem'"
OLD_SHMEM = "'ivshmem' is not supported"
VVFAT = "The vvfat (rw) format used by node does not support live migration"
HV_PASSTHROUGH = "'hv-passthrough' CPU flag prevents migration"
ROWS = (
    Row(("devices/sound/@model",), ("usb",), "a USB sound card", f"{DEVICE} usb-audio"),
    Row(("devices/sound/@model",), ("virtio",), "a virtio sound card", f"{DEVICE} virtio-sound-device"),
    Row(USB_SERIAL, ("usb-serial",), "a USB serial port", f"{DEVICE} usb-serial"),
    Row(("devices/interface/model/@type",), ("usb-net",), "a USB network card", f"{DEVICE} usb-net"),
    Row(("devices/crypto",), (), "a virtio crypto device", f"{DEVICE} virtio-crypto"),
    Row(("devices/input/@type",), ("passthrough",), "an input device of the host", f"{DEVICE} virtio-input-host"),
    Row(STREAMS, ("qemu-vdagent",), "a qemu-vdagent channel", VDAGENT),
    Row(ACCELERATION, ("yes",), "3D acceleration", "virgl is not yet migratable"),
    *(Row(IMAGES, (name,), f"an image of format {name}", "does not support live migration") for name in FORMATS),
    Row(HYPERV, ("passthrough",), "Hyper-V features in mode passthrough", HV_PASSTHROUGH),
    Row(("launchSecurity/@type",), ("sev", "sev-snp"), "memory encryption (SEV)", ENCRYPTED),
    Row(("launchSecurity/@type",), ("s390-pv",), "protected virtualization", ENCRYPTED),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """`path` and `value` are where the definition says it."""

    what: str
    path: str
    value: str
    words: str


def refused(guest: GuestDefinition) -> Iterator[Refusal]:
    """What in this definition QEMU does not migrate."""
    for path, value in guest.leaves:
        for row in ROWS:
            if path in row.paths and (value in row.values or not row.values):
                yield Refusal(row.what, path, value, row.words)
    for disk in guest.disks:
        if disk.type == "dir" and not disk.readonly:
            yield Refusal(f"a folder that it can write to as disk {disk.target}", "devices/disk/@type", "dir", VVFAT)
    for shared in guest.shared_memory:
        what = f"shared memory {shared.name}"
        if shared.role != "master":
            yield Refusal(f"{what} without role master", "devices/shmem/@role", shared.role, PEER)
        elif shared.model == "ivshmem":
            yield Refusal(f"{what} of the old model ivshmem", "devices/shmem/model/@type", shared.model, OLD_SHMEM)
    if invtsc(guest) in ("require", "force"):
        yield Refusal("the CPU feature invtsc without a TSC frequency", "cpu/feature/@name", "invtsc", INVTSC)


def invtsc(guest: GuestDefinition) -> str:
    """The policy of that CPU feature; "" without it, and with a fixed TSC frequency: then QEMU migrates it, and refuses
    a destination that cannot keep the frequency."""
    features = dict(guest.cpu.features)
    scaled = "tsc" in guest.values("clock/timer/@name") and any(map(number, guest.values("clock/timer/@frequency")))
    return "" if scaled or "invtsc" not in features else features["invtsc"] or "require"
