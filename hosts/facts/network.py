"""Virtual networks and bridges as a host sees them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """`forward` is libvirt's forward mode: "", nat, route, bridge, ..."""

    name: str
    uuid: str
    active: bool
    autostart: bool
    bridge: str
    forward: str
    portgroups: tuple[str, ...] = ()
    #: `<virtualport type=...>`: openvswitch, ...
    virtualport: str = ""
    #: libvirt gives out addresses on it
    dhcp: bool = False
    #: (MAC address, address): the addresses that it keeps for some NICs
    reservations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A DHCP lease of a libvirt network: the address of a MAC address."""

    mac: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A network interface of the host that can carry guests: a bridge, or a device for macvtap.

    `active` True: it is switched on. False: it is off, or, with `certain` False, libvirt only says that it has no
    carrier: it may be off, or have nothing plugged in, or a cable may be out.
    """

    name: str
    active: bool
    is_bridge: bool
    certain: bool = True
