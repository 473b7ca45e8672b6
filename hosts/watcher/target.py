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

    def good_for(self, row: Target) -> bool:
        """Whether a thread that works with this target may go on with that row: the way is the same, and so is the key,
        or this thread is about to learn one."""
        mine, others = replace(self.endpoint, host_key=""), replace(row.endpoint, host_key="")
        same_way = (self.pk, self.name, mine) == (row.pk, row.name, others)
        return same_way and self.fingerprint in ("", row.fingerprint)
