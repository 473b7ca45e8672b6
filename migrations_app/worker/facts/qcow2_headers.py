"""What the headers of the guest's qcow2 images say: how a copy must be made, and what it does not get."""

from __future__ import annotations

from collections.abc import Mapping

from hosts.facts.guest import GuestDefinition
from hosts.facts.storage import Qcow2Header
from hosts.facts.unknown import Unknown
from hosts.gateway.probes.qcow2_headers import qcow2_headers as headers_probe
from migrations_app.domain.disks import Storage, may_be_copied
from migrations_app.worker.facts.side import Side


def qcow2_headers(
    guest: GuestDefinition | Unknown, side: Side, storage: Storage
) -> Mapping[str, Qcow2Header | Unknown] | Unknown:
    """By path. `storage`: where the source has disks that are given by pool and volume."""
    if isinstance(guest, Unknown):
        return guest
    disks = (disk for disk in guest.disks if disk.format == "qcow2" and may_be_copied(disk))
    paths = tuple(dict.fromkeys(filter(None, map(storage.path, disks))))
    if not paths:
        return {}
    found = side.learn(lambda c: c.probe(headers_probe, *paths))
    name = side.host.name
    if found is None:
        return Unknown(f"kvmweb can ask {name} for it only by ssh.", f"Register {name} by ssh.")
    if isinstance(found, Unknown):
        return found
    unread = Unknown(f"kvmweb may not read the image on {name}.", f"Register {name} with a user who may read it.")
    return {path: header or unread for path, header in found.items()}
