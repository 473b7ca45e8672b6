"""What QEMU refuses to migrate, whatever the destination. One row a device.

Measured with QEMU 7.2 and 10.0 (a migration into a pipe, device by device), where that is possible without the
hardware; else from QEMU's source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

DEVICE = "State blocked by non-migratable device"
ENCRYPTED = "QEMU cannot migrate encrypted guests"


@dataclass(frozen=True, slots=True)
class Row:
    """`values` () stands for any. `words` are QEMU's. `since`: the QEMU version that began to refuse."""

    paths: tuple[str, ...]
    values: tuple[str, ...]
    what: str
    words: str
    since: int = 0


#: those that libvirt names and QEMU cannot hand over
FORMATS = ("vmdk", "vdi", "vpc", "vhd", "vhdx", "qcow", "ploop", "bochs", "cloop", "dmg", "fat", "dir")
_STREAMS = ("serial", "parallel", "console", "channel", "redirdev", "smartcard")
STREAMS = tuple(f"devices/{kind}/@type" for kind in _STREAMS)
USB_SERIAL = ("devices/serial/target/@type", "devices/serial/target/model/@name")
IMAGES = ("devices/disk/driver/@type", "devices/disk/backingStore/format/@type")
HYPERV = ("features/hyperv/@mode",)
ACCELERATION = ("devices/video/model/acceleration/@accel3d",)
VDAGENT = "The vdagent chardev doesn't yet support migration"
HV_PASSTHROUGH = "'hv-passthrough' CPU flag prevents migration"
ROWS = (
    Row(("devices/sound/@model",), ("usb",), "a USB sound card", f"{DEVICE} usb-audio"),
    Row(("devices/sound/@model",), ("virtio",), "a virtio sound card", f"{DEVICE} virtio-sound-device", 8_002_000),
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


def refused(leaves: Iterable[tuple[str, str]]) -> Iterator[tuple[Row, str, str]]:
    """The rows that a definition falls under, with the path and value in it."""
    for path, value in leaves:
        for row in ROWS:
            if path in row.paths and (value in row.values or not row.values):
                yield row, path, value
