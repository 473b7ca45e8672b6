"""A VM with a CD that only its own host has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree

from lab import Lab
from lab.host import Host
from lab.reset import refresh_pools
from tests.lab.serving import Serving

NAME, ISO = "cd-01", "/var/lib/libvirt/images/tools.iso"
DRIVE = f"""<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{ISO}'/>
<target dev='sda' bus='sata'/><readonly/></disk>"""
#: no operating system: its firmware finds nothing to start, and locks no tray. It migrates in a moment, however slow the
#: link is: nearly all its memory is zero
XML = f"""<domain type='qemu'><name>{NAME}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><features><acpi/></features>
<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model></cpu>
<devices>{DRIVE}<memballoon model='none'/><controller type='usb' model='none'/></devices>
</domain>"""


@contextmanager
def with_disc(serving: Serving, lab: Lab) -> Iterator[Serving]:
    with disc(lab) as a:
        a.exec("virsh", "-q", "define", "/dev/stdin", stdin=XML)
        a.virsh("start", NAME)
        serving.wait_for_guest(NAME, "kvm-a")
        yield serving


@contextmanager
def disc(lab: Lab) -> Iterator[Host]:
    """The image alone, on the host that has it."""
    a = lab.hosts["kvm-a"]
    a.exec("truncate", "-s", "1M", ISO)
    read_pools(lab)
    try:
        yield a
    finally:
        lab.reset()
        for host in lab.hosts.values():
            host.exec("rm", "-f", ISO)
        read_pools(lab)


def read_pools(lab: Lab) -> None:
    refresh_pools(list(lab.hosts.values()))


def in_drive(host: Host, *flags: str, name: str = NAME) -> str | None:
    source = ElementTree.fromstring(host.virsh("dumpxml", name, *flags)).find("devices/disk[@device='cdrom']/source")
    return None if source is None else source.get("file")
