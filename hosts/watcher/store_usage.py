"""CPU, memory and addresses of a host's running guests into their sightings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from hosts.facts.guest import INACTIVE
from hosts.facts.network import Lease
from hosts.facts.text import as_uuid, count
from hosts.facts.usage import GuestUsage
from hosts.models import Host, Sighting
from hosts.watcher.rows import assign, locked_host, outdated, stored
from kvmweb.journal import writer

#: of a guest that does not run, or whose host could not tell
NOTHING: dict[str, Any] = {
    "cpu_percent": None,
    "memory_used_kib": None,
    "memory_by_guest": False,
    "addresses": [],
    "address_key": "",
}
#: pages are told of a change by so many percent: the numbers change with every reading
_SHOWN_PERCENT = 5
_MOST_ADDRESSES = 16


def forget(host: Host) -> None:
    """The host was away: what its guests used before says nothing about now."""
    Sighting.objects.filter(host=host).update(**NOTHING)


@stored
def usage_seen(
    pk: int,
    usage: Sequence[GuestUsage],
    cpus: Mapping[str, float | None],
    leases: Sequence[Lease],
    *,
    started: datetime,
) -> None:
    """One reading of all running guests. `cpus`: how many CPUs each kept busy. Who is not in it uses nothing known."""
    host = locked_host(pk)
    if host is None or not host.answers or (host.contact_since and outdated(started, host.contact_since)):
        return
    used = {uuid: one for one in usage if (uuid := as_uuid(one.uuid)) is not None}
    lent = _by_mac(leases)
    changed, shown = [], []
    for sighting in Sighting.objects.filter(host=host, gone_since=None).select_related("guest"):
        one = used.get(sighting.guest_id) if sighting.state not in INACTIVE else None
        now = _columns(sighting, one, cpus.get(one.uuid), lent) if one else NOTHING
        # A change that nobody would notice is not stored either, so that small ones add up to one that is told.
        if _differs(sighting, now) and assign(sighting, now):
            changed.append(sighting)
            shown.append(str(sighting.guest_id))
    Sighting.objects.bulk_update(changed, list(NOTHING), batch_size=200)
    if shown:
        writer.signal(writer.INVENTORY, hosts=[pk], guests=sorted(shown))


def _columns(
    sighting: Sighting, one: GuestUsage, cpus: float | None, lent: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    guest = sighting.guest
    macs = dict.fromkeys(str(nic.get("mac", "")).lower() for nic in guest.nics)
    addresses = [{"mac": mac, "address": address} for mac in macs for address in lent.get(mac, ())]
    return {
        "cpu_percent": None if cpus is None or not guest.vcpus else round(cpus * 100 / guest.vcpus, 1),
        "memory_used_kib": None if one.memory_used_kib is None else count(one.memory_used_kib),
        "memory_by_guest": one.memory_by_guest,
        "addresses": addresses[:_MOST_ADDRESSES],
        "address_key": _key(addresses[0]["address"]) if addresses else "",
    }


def _by_mac(leases: Sequence[Lease]) -> dict[str, list[str]]:
    """What is no address is left out: it comes from a file that guests have a part in."""
    found: dict[str, list[str]] = {}
    for lease in leases:
        try:
            address = str(ip_address(lease.address))
        except ValueError:
            continue
        found.setdefault(lease.mac.lower(), []).append(address)
    return {mac: sorted(set(addresses), key=_key) for mac, addresses in found.items()}


def _key(address: str) -> str:
    """Sorts as numbers do, IPv4 first."""
    parsed = ip_address(address)
    return f"{parsed.version}{parsed.packed.hex()}"


def _differs(sighting: Sighting, now: Mapping[str, Any]) -> bool:
    """By what a user would notice."""
    return (
        sighting.addresses != now["addresses"]
        or _moved(sighting.cpu_percent, now["cpu_percent"], 100)
        or _moved(sighting.memory_used_kib, now["memory_used_kib"], sighting.guest.memory_kib)
    )


def _moved(before: float | None, now: float | None, whole: float) -> bool:
    if before is None or now is None or not whole:
        return before != now
    return abs(now - before) * 100 >= _SHOWN_PERCENT * whole
