"""Devices of the host that VMs can be given: PCI devices, mediated devices and USB devices, by its kernel.

Per device its type and name, as a definition names it, and what it is: vendor and product, or the type of a mediated
device. Two USB devices of one model are one line.
"""

from __future__ import annotations

from collections.abc import Mapping

from hosts.gateway.probe import probe

_SCRIPT = """\
test -d /sys/bus || exit 1
for d in /sys/bus/pci/devices/*; do
  test -r "$d/vendor" && echo "pci $(basename "$d") $(cat "$d/vendor"):$(cat "$d/device")"
done
for d in /sys/bus/mdev/devices/*; do
  test -e "$d/mdev_type" && echo "mdev $(basename "$d") $(basename "$(readlink -f "$d/mdev_type")")"
done
for d in /sys/bus/usb/devices/*; do
  test -r "$d/idVendor" && echo "usb $(cat "$d/idVendor"):$(cat "$d/idProduct") usb"
done
exit 0
"""


@probe("sh", "-c", _SCRIPT, asks="list its devices")
def host_devices(out: str) -> Mapping[str, str]:
    """ "pci 0000:03:00.0" -> "0x8086:0x10ed"."""
    lines = (line.split() for line in out.splitlines())
    return {f"{words[0]} {words[1].lower()}": words[2] for words in lines if len(words) == 3}
