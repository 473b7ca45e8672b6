"""The part of the interface (port.py) about what a host has saved of a guest. No libvirt in here."""

from __future__ import annotations

from typing import Protocol


class Definition(Protocol):
    """A guest's saved definition."""

    def set_autostart(self, uuid: str, enabled: bool) -> None: ...
    def undefine(self, uuid: str) -> None:
        """Of a guest that is shut off; Refused (code 55) for another. Its UEFI variables, the state of its TPM and its
        disks stay; its checkpoints are forgotten, and one with snapshots is Refused (code 55)."""
        ...
