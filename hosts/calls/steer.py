"""What libvirt can be told while it moves a guest."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Abort:
    """End the job; the guest goes on at the source."""


@dataclass(frozen=True, slots=True)
class LimitDowntime:
    """The longest pause at the end."""

    milliseconds: int


Steer = Abort | LimitDowntime
