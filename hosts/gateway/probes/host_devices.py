"""Devices of the host that VMs can be given: PCI devices, mediated devices and USB devices, by its kernel.

Per device its type and name, as a definition names it, and what it is: vendor and product, or the type of a mediated
device. Of a PCI device also the driver by which the host may have its storage or network, "-" for none: other devices
do no such harm when libvirt takes them, and nor does a virtual function (SR-IOV) without an interface that is up. Two
USB devices of one model are one line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hosts.facts.host import SeenDevice
from hosts.gateway.probe import probe

_SCRIPT = """\
test -d /sys/bus || exit 1
for d in /sys/bus/pci/devices/*; do
  u=-; test -L "$d/driver" && u=$(readlink "$d/driver")
  case "$(cat "$d/class")" in
    0x01*) ;;
    0x02*) test -e "$d/physfn" && ! grep -qsx up "$d"/net/*/operstate && u=- ;;
    *) u=- ;;
  esac
  test -r "$d/vendor" && echo "pci $(basename "$d") $(cat "$d/vendor"):$(cat "$d/device") ${u##*/}"
done
for d in /sys/bus/mdev/devices/*; do
  test -e "$d/mdev_type" && echo "mdev $(basename "$d") $(basename "$(readlink -f "$d/mdev_type")")"
done
for d in /sys/bus/usb/devices/*; do
  test -r "$d/idVendor" && echo "usb $(cat "$d/idVendor"):$(cat "$d/idProduct") usb"
done
exit 0
"""


_DRIVER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+-]{0,63}")


@probe("sh", "-c", _SCRIPT, asks="list its devices")
def host_devices(out: str) -> Mapping[str, SeenDevice]:
    """ "pci 0000:03:00.0" -> SeenDevice("0x8086:0x10ed", "nvme")."""
    lines = (line.split() for line in out.splitlines())
    return {
        f"{words[0]} {words[1].lower()}": SeenDevice(words[2], _driver(words[3:]) if words[0] == "pci" else None)
        for words in lines
        if len(words) == 3 or (len(words) > 3 and words[0] == "pci")
    }


def _driver(words: list[str]) -> str | None:
    """What is no name of a driver is not known: it may be a driver's."""
    if words == ["-"]:
        return ""
    return words[0] if len(words) == 1 and _DRIVER.fullmatch(words[0]) else None
