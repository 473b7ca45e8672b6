"""The part of the interface (port.py) about what is taken out of a running guest and put back. No libvirt in here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hosts.facts.part import Part


class Parts(Protocol):
    """Only the running guest is changed, never its saved definition. What these report is a hint: look again."""

    def look(self, uuid: str) -> tuple[Part, ...]:
        """What can be taken out of it now. Of an active guest that is not arriving; raises GuestMissing, and Refused
        (code 55) for one that is off."""
        ...

    def detach(self, uuid: str, xml: str) -> None:
        """Ask the guest to release a device. It may still have it when this returns, and release it later."""
        ...

    def attach(self, uuid: str, xml: str) -> None: ...
    def change(self, uuid: str, xml: str) -> None:
        """The drive gets this medium, or none. A tray that the guest has locked is not forced."""
        ...

    def listen(self, uuid: str, kept: Callable[[str], None]) -> None:
        """Call `kept` with the alias of a device that the guest does not release, until the connection is closed; one
        per guest. It comes from a thread of the gateway and must only set something."""
        ...
