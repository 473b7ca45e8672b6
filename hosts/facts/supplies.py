"""What a host keeps for VMs that name it: secrets and network filters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A definition names a secret by its UUID, or by its usage: what it is for."""

    uuid: str
    usage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFilter:
    """`uses`: the filters that it refers to."""

    name: str
    uses: tuple[str, ...] = ()
