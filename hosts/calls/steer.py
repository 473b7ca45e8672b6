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


@dataclass(frozen=True, slots=True)
class LimitBandwidth:
    """MiB per second, 0 for no limit. libvirt keeps it for the guest's next migrations from this host."""

    mib: int


@dataclass(frozen=True, slots=True)
class LimitCache:
    """The cache of the compression XBZRLE."""

    mib: int


Limit = LimitDowntime | LimitBandwidth | LimitCache
Steer = Abort | Limit
