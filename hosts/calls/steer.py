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


@dataclass(frozen=True, slots=True)
class StartPostCopy:
    """Let the guest go on at the destination now; its memory follows. Only where the call enabled it."""


@dataclass(frozen=True, slots=True)
class PausePostCopy:
    """Give up the connection over which memory follows; both hosts keep their half of the guest."""


@dataclass(frozen=True, slots=True)
class ResumePostCopy:
    """Connect the two halves again. A call of its own, which blocks like the first."""


Limit = LimitDowntime | LimitBandwidth | LimitCache
Steer = Abort | StartPostCopy | PausePostCopy | ResumePostCopy | Limit
