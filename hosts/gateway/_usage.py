"""What the guests of a host use, and their DHCP leases: a fixed number of calls, however many
guests there are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hosts.facts import usage as facts
from hosts.facts.network import Lease
from hosts.facts.usage import GuestUsage
from hosts.gateway._link import Link

if TYPE_CHECKING:
    import libvirt

#: networks that are asked for their leases; each one is a call
_MOST_NETWORKS = 64


def usage(link: Link) -> tuple[GuestUsage, ...]:
    """One call for all running guests. It asks their monitors: a stuck guest makes it hang, and then nothing is known
    until it has come back. A busy guest is left out of the memory statistics."""

    def work(raw: libvirt.virConnect) -> tuple[GuestUsage, ...]:
        import libvirt

        what = libvirt.VIR_DOMAIN_STATS_CPU_TOTAL | libvirt.VIR_DOMAIN_STATS_BALLOON
        flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT | libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE
        rows = raw.getAllDomainStats(what, flags)
        return tuple(facts.read(guest.UUIDString(), stats, now=time.time()) for guest, stats in rows)

    # less than the watcher waits before it calls a host away: the host answers, one of its guests does not
    return link.call("CPU and memory of its VMs", work, seconds=link.deadline / 2)


def leases(link: Link) -> tuple[Lease, ...]:
    """Of the active networks that libvirt gives addresses on. One that cannot be read has none."""

    def work(raw: libvirt.virConnect) -> tuple[Lease, ...]:
        import libvirt

        found = []
        for network in raw.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE)[:_MOST_NETWORKS]:
            try:
                lent = network.DHCPLeases()
            except libvirt.libvirtError:
                if not raw.isAlive():
                    raise
                continue
            found += [Lease(mac=lease["mac"], address=lease["ipaddr"]) for lease in lent if lease.get("mac")]
        return tuple(found)

    return link.call("the DHCP leases of its networks", work, seconds=link.deadline / 2)
