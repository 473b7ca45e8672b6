"""The guest agent, through libvirt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosts.gateway._guest import Guests
from hosts.gateway._link import Link

if TYPE_CHECKING:
    import libvirt

#: libvirt itself waits 5 s for an agent that is not there
AGENT_SECONDS = 6.0
#: an agent may report as many as it likes
_MOST_ADDRESSES = 64


class Agent:
    """The methods are described in port_agent.Agent."""

    def __init__(self, link: Link, guests: Guests) -> None:
        self._link = link
        self._guests = guests

    def addresses(self, uuid: str) -> tuple[str, ...]:
        def work(raw: libvirt.virConnect) -> tuple[str, ...]:
            import libvirt

            found = self._guests.handle(raw, uuid).interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT)
            every = (one.get("addr") for interface in found.values() for one in interface.get("addrs") or ())
            return tuple(dict.fromkeys(one for one in every if isinstance(one, str)))[:_MOST_ADDRESSES]

        return self._link.call("the addresses of a VM", work, seconds=AGENT_SECONDS, key=("addresses", uuid))

    def clock(self, uuid: str) -> float:
        def work(raw: libvirt.virConnect) -> float:
            told = self._guests.handle(raw, uuid).getTime()
            return float(told["seconds"] + told["nseconds"] / 1e9)

        return self._link.call("the clock of a VM", work, seconds=AGENT_SECONDS, key=("clock", uuid))

    def set_clock(self, uuid: str, seconds: float) -> None:
        def work(raw: libvirt.virConnect) -> None:
            whole = int(seconds)
            wanted = {"seconds": whole, "nseconds": int((seconds - whole) * 1e9)}
            self._guests.handle(raw, uuid).setTime(wanted)

        self._link.call("set the clock of a VM", work, seconds=AGENT_SECONDS, key=("set clock", uuid))
