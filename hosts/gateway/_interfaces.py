"""The host's network interfaces: by the kernel itself where we reach it, else by libvirt.

libvirt calls an interface inactive that has no carrier, its list may be empty, and many hosts lack its interface driver
(Debian 13 splits it off). The kernel tells exactly, but not over plain TCP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosts.facts import xml
from hosts.facts.endpoint import Endpoint
from hosts.facts.network import Interface
from hosts.gateway import _errors
from hosts.gateway._asking import ask
from hosts.gateway._link import Link
from hosts.gateway.port import Refused
from hosts.gateway.probes.interfaces import interfaces as by_kernel

if TYPE_CHECKING:
    import libvirt


def interfaces(link: Link, endpoint: Endpoint) -> tuple[Interface, ...]:
    """Raises Refused over TCP when libvirt there has no interface driver."""
    found = ask(link, endpoint, by_kernel)
    if found is not None:
        return found
    try:
        return link.call("its network interfaces", _by_libvirt)
    except Refused as error:
        if error.code != _errors.NO_SUPPORT:
            raise
        text = "libvirt has no interface driver there. On Debian: sudo apt install libvirt-daemon-driver-interface"
        raise Refused(text, code=_errors.NO_SUPPORT) from None


def _by_libvirt(raw: libvirt.virConnect) -> tuple[Interface, ...]:
    import libvirt

    active = {i.name() for i in raw.listAllInterfaces(libvirt.VIR_CONNECT_LIST_INTERFACES_ACTIVE)}
    found = []
    for interface in raw.listAllInterfaces(0):
        name = interface.name()
        try:
            kind = xml.parse(interface.XMLDesc(0), root="interface").get("type")
        except libvirt.libvirtError as error:
            if error.get_error_code() == _errors.NO_INTERFACE:  # it went in this moment, as guests' devices do
                continue
            raise
        on = name in active
        found.append(Interface(name=name, active=on, is_bridge=kind == "bridge", certain=on))
    return tuple(found)
