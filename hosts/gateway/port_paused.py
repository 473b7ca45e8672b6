"""The part of the interface (port.py) about guests that are started paused. No libvirt in here either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hosts.facts.paused import PausedGuest


class OwnFiles(Protocol):
    """Files of the host with a guest's own state, its UEFI variables or that of its TPM, wherever they are; 64 MiB each
    at most."""

    def read(self, path: str) -> bytes | None:
        """None: there is no such file, or no such folder."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Into a new file, also in a new folder. What is there of another size is made anew."""
        ...

    def remove(self, path: str) -> None: ...


class Paused(Protocol):
    """A guest that is started paused, so that it can migrate, and ended again if its CPUs never ran."""

    def start(self, uuid: str, mark: str) -> None:
        """Start it paused, with this mark in the definition of this run. One that did not come back in time (code 68)
        may still start."""
        ...

    def look(self, uuid: str) -> PausedGuest:
        """Of an active guest, not of one that is arriving. Raises Refused (code 68) while it is busy."""
        ...

    def end(self, uuid: str, mark: str) -> None:
        """End it: Refused unless it has this mark and never ran, as far as `look` tells. QEMU is asked to quit, and is
        not killed."""
        ...

    def listen(self, uuid: str, resumed: Callable[[], None]) -> None:
        """Call `resumed` whenever it is resumed, until the connection is closed. It comes from a thread of the gateway
        and must only set something."""
        ...

    @property
    def files(self) -> OwnFiles: ...
