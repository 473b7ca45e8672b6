"""What of the host a definition names: paths other than its disks, ports and addresses."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from hosts.facts.guest import BootFiles, GuestDefinition

#: what every Linux host has
EVERYWHERE = ("/dev/urandom", "/dev/random", "/dev/null")
#: the folders that libvirt makes on every host, some of them for each VM
OF_LIBVIRT = re.compile(
    r"/var/lib/libvirt/qemu/(nvram/|domain-[^/]+/|channel/(target/(domain-[^/]+/)?)?)?"
    r"|(/var)?/run/libvirt/qemu/(channel/([^/]+/)?)?"
    r"|/var/log/libvirt/(qemu/)?"
)
FILES = {
    "os/acpi/table": "ACPI table",
    "sysinfo/entry/@file": "firmware configuration file",
    "devices/interface/rom/@file": "ROM file",
    "devices/hostdev/rom/@file": "ROM file",
    "devices/memory/source/path": "memory file",
}


class Form(StrEnum):
    FILE = "file"
    FOLDER = "folder"
    DEVICE = "device"
    MODULE = "kernel module"


@dataclass(frozen=True, slots=True)
class Need:
    """`path` must be at the destination; `what` a user calls it. Of a path that is not `absolute` only QEMU knows
    which file it stands for."""

    path: str
    form: Form
    what: str

    @property
    def absolute(self) -> bool:
        return self.path.startswith("/")


def needs(guest: GuestDefinition) -> tuple[Need, ...]:
    found = dict.fromkeys((*_files(guest), *_streams(guest), *_sockets(guest)))
    return tuple(need for need in found if not _given(need))


def boot_paths(boot: BootFiles) -> tuple[str, ...]:
    """What the VM starts from, and the folder of its UEFI variables."""
    files = (boot.kernel, boot.initrd, boot.dtb, boot.shim, boot.loader, boot.nvram_template)
    folder = nvram_folder(boot)
    return tuple(path for path in (*files, folder) if path)


def nvram_folder(boot: BootFiles) -> str:
    """ "" where libvirt makes it."""
    folder = f"{posixpath.dirname(boot.nvram).rstrip('/')}/"
    return "" if not boot.nvram or OF_LIBVIRT.fullmatch(folder) else folder


def _files(guest: GuestDefinition) -> Iterator[Need]:
    for path, value in guest.leaves:
        if path in FILES and value:
            yield Need(value, Form.FILE, FILES[path])
        elif path == "devices/vsock":
            yield Need("/dev/vhost-vsock", Form.MODULE, "vsock device")
        elif path == "devices/rng/backend" and value:
            yield Need(value, Form.DEVICE, "source of random numbers")


def _streams(guest: GuestDefinition) -> Iterator[Need]:
    for device in guest.character_devices:
        match device.type:
            case "dev":
                yield Need(device.path, Form.DEVICE, f"device of a {device.device}")
            case "file":
                yield _folder_of(device.path, f"output of a {device.device}")
            case "unix" if device.path and device.listens:
                yield _folder_of(device.path, f"socket of a {device.device}")
            case "unix" if device.path:
                yield Need(device.path, Form.FILE, f"socket of a {device.device}")
        if device.log:
            yield _folder_of(device.log, f"log of a {device.device}")


def _sockets(guest: GuestDefinition) -> Iterator[Need]:
    for graphics in guest.graphics:
        for socket in graphics.sockets:
            yield _folder_of(socket, f"socket of the {graphics.type} display")


def _folder_of(path: str, what: str) -> Need:
    folder = posixpath.dirname(path)
    return Need(f"{folder.rstrip('/')}/", Form.FOLDER, what)


def _given(need: Need) -> bool:
    if need.form is Form.FOLDER:
        return OF_LIBVIRT.fullmatch(need.path) is not None
    return need.path in EVERYWHERE


def fixed_ports(guest: GuestDefinition) -> dict[int, str]:
    """port -> what listens there"""
    ports = {port: f"{graphics.type} display" for graphics in guest.graphics for port in graphics.ports}
    streams = (device for device in guest.character_devices if device.listens and device.type in ("tcp", "udp"))
    return ports | {int(device.port): device.device for device in streams if device.port.isdecimal()}


def listens_on(guest: GuestDefinition) -> list[tuple[str, str]]:
    """(address, what listens there)"""
    displays = [(address, f"{one.type} display") for one in guest.graphics for address in one.addresses]
    streams = (device for device in guest.character_devices if device.listens)
    return displays + [(device.address, device.device) for device in streams if device.address]
