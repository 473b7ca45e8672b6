"""Guests and sightings into rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from hosts.facts.guest import Cpu, GuestDefinition, GuestDetails, GuestStatus
from hosts.facts.host import NodeMemory
from hosts.facts.text import as_uuid, clean_all, count
from hosts.models import Guest, Host, Sighting
from hosts.watcher import contact_notes, store_usage
from hosts.watcher.rows import assign, fit, locked_host, outdated, stored
from kvmweb.accounts import claims, teams
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import is_plain, isolated

_MOST_VCPUS = 2**31 - 1


@stored
def guests_seen(pk: int, guests: Sequence[GuestStatus], memory: NodeMemory | None, *, started: datetime) -> None:
    """One complete look at the host's guests that began at `started`: all of them, and no others.

    The host is connected from now on. A look older than one that is stored already changes nothing.
    """
    host = locked_host(pk)
    if host is None or outdated(started, host.seen_at):
        return
    present = {uuid: guest for guest in guests if (uuid := as_uuid(guest.uuid)) is not None}
    changed = _update_sightings(host, present, started)
    if _host_answers(host, memory, started) or changed:
        writer.signal(writer.INVENTORY, hosts=[pk], guests=sorted(str(uuid) for uuid in changed))


def _host_answers(host: Host, memory: NodeMemory | None, started: datetime) -> bool:
    """Whether something shown changed."""
    fields = ["contact", "contact_text", "contact_details", "contact_since", "offered_fingerprint", "seen_at"]
    shown = not host.answers or bool(host.contact_text or host.offered_fingerprint)
    moved = not host.answers
    if moved:
        host.contact_since = started
        store_usage.forget(host)
    host.contact = Host.Contact.ANSWERS
    host.contact_text = host.contact_details = host.offered_fingerprint = ""
    fields += contact_notes.tell(host, moved=moved)
    host.seen_at = started
    if memory is not None and _memory_moved(host, memory):
        host.memory_total_kib, host.memory_free_kib = count(memory.total_kib), count(memory.free_kib)
        fields += ["memory_total_kib", "memory_free_kib"]
        shown = True
    host.save(update_fields=fields)
    return shown


def _memory_moved(host: Host, memory: NodeMemory) -> bool:
    """By more than a hundredth: free memory changes with every look, and no page needs to follow that."""
    moved = abs(host.memory_free_kib - memory.free_kib)
    return host.memory_total_kib != count(memory.total_kib) or moved * 100 > memory.total_kib


def _update_sightings(host: Host, present: dict[UUID, GuestStatus], started: datetime) -> set[UUID]:
    """The guests whose sighting changed in something shown."""
    _make_guests(present)
    known = {sighting.guest_id: sighting for sighting in Sighting.objects.filter(host=host)}
    fresh = [
        Sighting(
            guest_id=uuid,
            host=host,
            state=status.state,
            reason=fit(Sighting, "reason", status.reason),
            seen_at=started,
            state_since=started,
        )
        for uuid, status in present.items()
        if uuid not in known
    ]
    Sighting.objects.bulk_create(fresh)
    changed = {sighting.guest_id for sighting in fresh}
    for uuid, status in present.items():
        if uuid in known and _update_sighting(known[uuid], status, started):
            changed.add(uuid)
    Sighting.objects.filter(host=host, guest_id__in=[uuid for uuid in present if uuid in known]).update(seen_at=started)
    gone = [uuid for uuid, sighting in known.items() if uuid not in present and sighting.gone_since is None]
    if gone:
        Sighting.objects.filter(host=host, guest_id__in=gone).update(gone_since=started, **store_usage.NOTHING)
    return changed | set(gone)


def _update_sighting(sighting: Sighting, status: GuestStatus, started: datetime) -> bool:
    if sighting.state != status.state or sighting.gone_since is not None:
        sighting.state_since = started
    changed = assign(
        sighting,
        {
            "state": status.state,
            "reason": fit(Sighting, "reason", status.reason),
            "gone_since": None,
            **({} if status.state.active else store_usage.NOTHING),
        },
    )
    if changed:
        sighting.save(update_fields=[*changed, "state_since"])
    return bool(changed)


def _make_guests(present: dict[UUID, GuestStatus]) -> None:
    """Rows for guests never seen before; another host's thread may be making the same ones."""
    known = set(Guest.objects.filter(uuid__in=list(present)).values_list("uuid", flat=True))
    fresh = [
        Guest(
            uuid=uuid,
            name=fit(Guest, "name", present[uuid].name),
            memory_kib=count(present[uuid].current_memory_kib),
            vcpus=count(present[uuid].vcpus, _MOST_VCPUS),
        )
        for uuid in sorted(set(present) - known)
    ]
    Guest.objects.bulk_create(fresh, ignore_conflicts=True)
    teams.claim({guest.uuid: guest.name for guest in fresh})


@stored
def details_seen(pk: int, found: Sequence[tuple[GuestDetails, datetime]]) -> None:
    """Definitions as this host told them, each with the time its read started, in one transaction."""
    host = locked_host(pk)
    if host is None:
        return
    details = {uuid: item for item in found if (uuid := as_uuid(item[0].uuid)) is not None}
    guests = Guest.objects.select_for_update().filter(uuid__in=list(details)).order_by("uuid").in_bulk()
    sightings = {row.guest_id: row for row in Sighting.objects.filter(host=host, guest_id__in=list(details))}
    changed = []
    for uuid, (told, started) in sorted(details.items()):
        if uuid in guests and uuid in sightings and _describe(guests[uuid], sightings[uuid], told, started):
            changed.append(str(uuid))
    if changed:
        writer.signal(writer.INVENTORY, hosts=[pk], guests=changed)


def _describe(guest: Guest, sighting: Sighting, details: GuestDetails, started: datetime) -> bool:
    """Whether something shown changed."""
    changed: list[str] = []
    if not outdated(started, sighting.details_seen_at):
        changed = assign(
            sighting,
            {
                "persistent": details.persistent,
                "autostart": details.autostart,
                "managed_save": details.managed_save,
                "snapshots": count(details.snapshots, _MOST_VCPUS),
            },
        )
        sighting.details_seen_at = started
        sighting.save(update_fields=[*changed, "details_seen_at"])
    if not outdated(started, guest.details_seen_at) and _speaks_for(sighting, guest):
        altered = assign(guest, _columns(details.live or details.definition))
        guest.details_seen_at = started
        guest.save(update_fields=[*altered, "details_seen_at"])
        if "team_named" in altered:
            _settle(guest)
        if {"name", "team_named"} & set(altered):
            teams.claim({guest.uuid: guest.name})
        changed += altered
    return bool(changed)


def _settle(guest: Guest) -> None:
    if claims.settle({guest.uuid: guest.team_named}):
        text = (
            f"The definition of {isolated(guest.name)} names the team {isolated(guest.team_named)}. This is ignored:"
            " there is no such team, or definitions may not give VMs to it."
        )
        writer.write(writer.guest_topic(str(guest.uuid)), EntryKind.NOTE, text)


def _speaks_for(sighting: Sighting, guest: Guest) -> bool:
    """A left-over definition on one host does not describe the guest that runs on another."""
    if sighting.active or guest.details_seen_at is None:
        return True
    others = Sighting.objects.filter(guest=guest, gone_since=None).exclude(pk=sighting.pk)
    return not any(other.active for other in others)


def _columns(definition: GuestDefinition) -> dict[str, Any]:
    return {
        "name": fit(Guest, "name", definition.name),
        "title": fit(Guest, "title", definition.title),
        "team_named": _team(definition.team),
        "virt_type": fit(Guest, "virt_type", definition.virt_type),
        "arch": fit(Guest, "arch", definition.arch),
        "machine": fit(Guest, "machine", definition.machine),
        "cpu": fit(Guest, "cpu", cpu_text(definition.cpu)),
        "memory_kib": count(definition.memory_kib),
        "vcpus": count(definition.vcpus, _MOST_VCPUS),
        "disks": clean_all([asdict(disk) for disk in definition.disks]),
        "nics": clean_all([asdict(nic) for nic in definition.nics]),
        "host_devices": clean_all([asdict(device) for device in definition.host_devices]),
    }


def _team(text: str) -> str:
    """Never cut: what is left could be another team's name."""
    return text if len(text) <= teams.LONGEST_NAME and is_plain(text) else ""


def cpu_text(cpu: Cpu) -> str:
    """ "host-passthrough", "custom Skylake-Client"; "" when libvirt chooses."""
    return " ".join(part for part in (cpu.mode, cpu.model) if part)
