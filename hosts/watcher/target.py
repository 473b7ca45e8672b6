"""What a host's thread needs to know of its row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from hosts.facts.endpoint import Endpoint
from hosts.models import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    pk: int
    name: str
    endpoint: Endpoint
    #: ssh: the only host key to accept; "" before the first contact
    fingerprint: str

    @classmethod
    def of(cls, host: Host) -> Self:
        return cls(pk=host.pk, name=host.name, endpoint=host.endpoint, fingerprint=host.fingerprint)

    def with_key(self, *, fingerprint: str, host_key: str) -> Target:
        return replace(self, fingerprint=fingerprint, endpoint=replace(self.endpoint, host_key=host_key))

    def same_door(self, other: Target) -> bool:
        """Whether a thread for this target may go on for the other; keys are compared elsewhere."""
        mine, others = replace(self.endpoint, host_key=""), replace(other.endpoint, host_key="")
        return (self.pk, self.name, mine) == (other.pk, other.name, others)
