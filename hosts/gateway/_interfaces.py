"""The host's network interfaces: by the kernel itself where we reach it, else by libvirt.

libvirt calls an interface inactive that has no carrier, its list may be empty, and many hosts lack its interface driver
(Debian 13 splits it off). The kernel tells exactly, but not over plain TCP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosts.facts import xml
from hosts.facts.endpoint import Endpoint
from hosts.facts.network import Interface
from hosts.gateway import _errors, transports
from hosts.gateway._link import Link
from hosts.gateway.port import GatewayError, Refused

if TYPE_CHECKING:
    import libvirt

#: per interface its name, IFF_ flags, and whether it is a bridge
_SCRIPT = """\
cd /sys/class/net || exit 1
for n in *; do
  test -r "$n/flags" || continue
  if test -d "$n/bridge"; then kind=bridge; else kind=other; fi
  read -r flags < "$n/flags" && echo "$n $flags $kind"
done
"""
_IFF_UP = 1


def interfaces(link: Link, endpoint: Endpoint) -> tuple[Interface, ...]:
    """Raises Refused over TCP when libvirt there has no interface driver."""
    shell = transports.row(endpoint.transport).shell
    if shell is not None:
        return _by_kernel(link, endpoint, shell)
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


def _by_kernel(link: Link, endpoint: Endpoint, shell: transports.Shell) -> tuple[Interface, ...]:
    done = shell(endpoint, ["sh", "-c", _SCRIPT], deadline=link.deadline)
    if done.code != 0:
        raise GatewayError(f"{link.name} could not list its network interfaces: {done.err.strip()[:500]}")
    found = []
    for line in done.out.splitlines():
        words = line.split()
        if len(words) == 3 and words[1].startswith("0x"):
            found.append(Interface(name=words[0], active=_is_up(words[1]), is_bridge=words[2] == "bridge"))
    return tuple(found)


def _is_up(flags: str) -> bool:
    try:
        return bool(int(flags[:18], 16) & _IFF_UP)
    except ValueError:
        return False
