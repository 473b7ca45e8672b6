"""Whether a guest is on, and shows signs of life."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosts.gateway._agent import Agent
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link

if TYPE_CHECKING:
    import libvirt


class Power:
    """The methods are described in port.Power."""

    def __init__(self, link: Link, guests: Guests) -> None:
        self._link = link
        self._guests = guests
        self.agent = Agent(link, guests)

    def cpu_ns(self, uuid: str) -> int:
        def work(raw: libvirt.virConnect) -> int:
            return int(self._guests.handle(raw, uuid).info()[4])

        return self._link.call("the CPU time of a VM", work, key=("CPU time", uuid))

    def shut_down(self, uuid: str) -> None:
        def work(raw: libvirt.virConnect) -> None:
            import libvirt

            # libvirt tries the agent first, and presses the button when the agent does not take it
            ways = libvirt.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT | libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN
            self._guests.handle(raw, uuid).shutdownFlags(ways)

        self._link.call("shut down a VM", work, key=("shut down", uuid))
