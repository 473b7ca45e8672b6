"""The part of the interface (port.py) about a running guest's memory, before it migrates. No libvirt in here either."""

from __future__ import annotations

from typing import Protocol

from hosts.facts.memory_use import DirtyRate, MemoryUse


class Memory(Protocol):
    """What a forecast needs. Nothing of it changes the guest, and nothing waits for a busy one."""

    def use(self, uuid: str) -> MemoryUse: ...

    def measure(self, uuid: str, seconds: int) -> None:
        """Begin to measure how fast its memory changes; returns at once. Refused while another measurement runs, or
        where libvirt or QEMU cannot do it. Only while it has no job."""
        ...

    def measured(self, uuid: str) -> DirtyRate | None:
        """The newest measurement; None while it runs."""
        ...
