"""A device of the host that is none: a mediated device (vGPU), of which a host shows what its kernel would show.

libvirt gives it to a VM, and refuses to migrate that VM while it runs. QEMU could not open it, so the VM's emulator is
a script that leaves it out of what QEMU is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from xml.etree import ElementTree

from lab import Host
from tests.lab.test_what_travels import part

UUID = "7b3ad0c4-6c2e-4b0f-9a55-0f3c1d2e4a77"
_EMULATOR = "/usr/local/bin/qemu-without-device"
_SCRIPT = """\
#!/bin/bash
kept=()
while (($#)); do
  if [[ $1 == -device && $2 == *vfio-pci* ]]; then shift; else kept+=("$1"); fi
  shift
done
exec /usr/bin/qemu-system-x86_64 "${kept[@]}"
"""
_GROUP = "7"
_MOUNTS = ("/sys/bus", "/sys/kernel/iommu_groups", "/dev/vfio")
_SHOW = f"""\
set -e
mkdir -p /dev/vfio
for folder in {" ".join(_MOUNTS)}; do mount -t tmpfs tmpfs "$folder"; done
mkdir -p /sys/kernel/iommu_groups/{_GROUP} /sys/bus/pci/devices /sys/bus/usb/devices
touch /dev/vfio/vfio /dev/vfio/{_GROUP}
device=/sys/bus/mdev/devices/{UUID} type=/sys/bus/mdev/types/fake-1
mkdir -p "$device" "$type"
echo vfio-pci >"$type/device_api"
ln -s "$type" "$device/mdev_type"
ln -s /sys/kernel/iommu_groups/{_GROUP} "$device/iommu_group"
tee {_EMULATOR} >/dev/null
chmod 755 {_EMULATOR}
"""
_HIDE = f"umount {' '.join(_MOUNTS)}; rm -rf /dev/vfio {_EMULATOR}"
_DEVICE = f"""\
<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='{UUID}'/></source></hostdev>"""

#: with such a device libvirt raises the limit of locked memory, up to this; the lab may not raise it
_LOCKED = "<memtune><hard_limit unit='KiB'>64</hard_limit></memtune>"


@contextmanager
def faked(hosts: Sequence[Host]) -> Iterator[None]:
    """On all of these hosts."""
    try:
        for host in hosts:
            host.exec("sh", "-c", _SHOW, stdin=_SCRIPT)
        yield
    finally:
        for host in hosts:
            host.exec("sh", "-c", _HIDE, check=False)


def give(host: Host, name: str) -> None:
    """The VM is started again with it."""
    domain = ElementTree.fromstring(host.virsh("dumpxml", name, "--inactive"))
    devices = part(domain, "devices")
    part(devices, "emulator").text = _EMULATOR
    devices.append(ElementTree.fromstring(_DEVICE))
    domain.append(ElementTree.fromstring(_LOCKED))
    host.virsh("destroy", name)
    host.exec("virsh", "-q", "define", "/dev/stdin", stdin=ElementTree.tostring(domain, encoding="unicode"))
    host.virsh("start", name)
