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


#: MiB/s, the most that libvirt takes: its own limit when nobody has set one
NO_LIMIT = 8_796_093_022_207

Steer = Abort | LimitDowntime
