"""The memory of a running guest: what is in use, and how fast it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hosts.facts import memory_use
from hosts.facts.memory_use import DirtyRate, MemoryUse
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link

if TYPE_CHECKING:
    import libvirt


class Memory:
    """The methods are described in port_memory.Memory."""

    def __init__(self, link: Link, guests: Guests) -> None:
        self._link = link
        self._guests = guests

    def use(self, uuid: str) -> MemoryUse:
        def work(raw: libvirt.virConnect) -> MemoryUse:
            import libvirt

            return memory_use.read_use(self._stats(raw, uuid, libvirt.VIR_DOMAIN_STATS_BALLOON))

        return self._link.call("the memory of a VM", work, key=("memory", uuid))

    def measure(self, uuid: str, seconds: int) -> None:
        def work(raw: libvirt.virConnect) -> None:
            import libvirt

            # never by QEMU's dirty bitmap: QEMU 7.2 crashes by it when it emulates the CPU, and the guest is lost
            sampled = libvirt.VIR_DOMAIN_DIRTYRATE_MODE_PAGE_SAMPLING
            self._guests.handle(raw, uuid).startDirtyRateCalc(seconds, sampled)

        self._link.call("measure the dirty rate of a VM", work, key=("dirty rate", uuid))

    def measured(self, uuid: str) -> DirtyRate | None:
        def work(raw: libvirt.virConnect) -> DirtyRate | None:
            import libvirt

            return memory_use.read_rate(self._stats(raw, uuid, libvirt.VIR_DOMAIN_STATS_DIRTYRATE))

        return self._link.call("the dirty rate of a VM", work, key=("dirty rate", uuid))

    def _stats(self, raw: libvirt.virConnect, uuid: str, what: int) -> dict[str, Any]:
        import libvirt

        guest = self._guests.handle(raw, uuid)
        rows = raw.domainListGetStats([guest], what, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT)
        return dict(rows[0][1]) if rows else {}
