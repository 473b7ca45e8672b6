"""The part of the interface (port.py) about the guest agent. No libvirt in here either."""

from __future__ import annotations

from typing import Protocol


class Agent(Protocol):
    """The agent inside a running guest, which answers when it likes. Each raises GatewayError: code 86 when it does not
    answer, 74 when the guest has none. What it says is the guest's word."""

    def addresses(self, uuid: str) -> tuple[str, ...]:
        """Of its network interfaces."""
        ...

    def clock(self, uuid: str) -> float:
        """Seconds since 1970 by its own clock."""
        ...

    def set_clock(self, uuid: str, seconds: float) -> None: ...
