"""What libvirt can be asked while it migrates a guest."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Abort:
    """End the job; the guest keeps running on the source host."""


@dataclass(frozen=True, slots=True)
class LimitDowntime:
    """The longest pause at the end."""

    milliseconds: int


Steer = Abort | LimitDowntime
