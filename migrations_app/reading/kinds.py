"""Which kinds of migration are offered for a guest, by what was last seen of it. No host is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hosts.facts.guest import Disk, RunState
from hosts.models import Guest, Host
from hosts.words.contact import closed
from migrations_app.domain.disks import may_be_copied
from migrations_app.domain.kinds import KINDS, Kind, KindRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """`reason`: why the kind is not offered, a sentence; "" when it is."""

    kind: Kind
    reason: str

    @property
    def offered(self) -> bool:
        return not self.reason


def offers(guest: Guest, target: Host | None) -> list[Offer]:
    """Every kind. Without a target the guest alone is judged. Reads no row when its sightings are prefetched."""
    return [Offer(kind=row.kind, reason=_why_not(row, guest, target)) for row in KINDS]


def _why_not(row: KindRow, guest: Guest, target: Host | None) -> str:
    here = guest.current_sighting()
    if here is None:
        return "No host reports it."
    if row.same_host and target is not None and target.pk != here.host_id:
        return f"{row.label} leaves the VM on {here.host.name}."
    if target is not None and target.pk == here.host_id and not row.same_host:
        return f"{target.name} has the VM now."
    for host in filter(None, (here.host, target)):
        if why := closed(host):
            return f"{host.name} {why}."
    can_copy = any(may_be_copied(disk_of(row)) for row in guest.disks) if guest.details_seen_at else None
    return row.why_not(guest.name, RunState(here.state), can_copy=can_copy, saved=bool(here.managed_save))


def disk_of(row: Mapping[str, Any]) -> Disk:
    """From the inventory, as far as it matters here."""
    wanted = ("target", "device", "type", "path", "volume", "readonly")
    return Disk(**{name: row.get(name, "") for name in wanted})
