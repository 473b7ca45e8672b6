"""The write-ahead record: everything a user or an adopter would need, complete before anything starts."""

from __future__ import annotations

from typing import Any

from hosts.facts.guest import GuestDetails
from hosts.facts.host import HostIdentity, version_text
from hosts.facts.unknown import Unknown
from hosts.models import Host
from kvmweb.version import VERSION
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.catalog import allows_post_copy
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.report import Report
from migrations_app.models import Migration
from migrations_app.reading.forecast import forecast_for
from migrations_app.worker.facts.side import Side
from migrations_app.worker.policy_start import first_track
from migrations_app.worker.procedure import NotStarted


def write_ahead(
    row: Migration, facts: Facts, report: Report, details: GuestDetails | Unknown, side: Side
) -> dict[str, Any]:
    """The record's fields of the row. `report` is that of these facts, `side` the source's. Raises NotStarted."""
    if isinstance(details, Unknown):
        raise NotStarted(details.reason)
    source, target = facts.source.identity, facts.target.identity
    for host, identity in ((row.source, source), (row.target, target)):
        if isinstance(identity, HostIdentity) and host.host_uuid and str(host.host_uuid) != identity.uuid:
            raise NotStarted(f"Another machine answers at the address of {host}: its host UUID is {identity.uuid}.")
    run = side.learn(lambda c: c.run_number(str(row.guest_id)))
    known = facts.guest.checkpoints
    checkpoints = () if isinstance(known, Unknown) else known  # unknown ones were a finding
    return {
        "source_xml": details.xml,
        "versions": {
            "kvmweb": VERSION,
            "source": _versions(row.source, source),
            "target": _versions(row.target, target),
        },
        "source_host_uuid": source.uuid if isinstance(source, HostIdentity) else None,
        "target_host_uuid": target.uuid if isinstance(target, HostIdentity) else None,
        "was_persistent": details.persistent,
        "was_paused": facts.guest.paused,
        "source_run": None if isinstance(run, Unknown) else run,
        "source_autostart": details.autostart,
        "checkpoints": [one.as_json() for one in checkpoints],
        "source_disks": _source_disks(facts),
        "limits_before": _limits_before(row, facts),
        "track": first_track(row, report),
        "forecast": forecast_for(
            row.requested_by,
            row.request,
            row.guest,
            row.source,
            paused=facts.guest.paused,
            post_copy=allows_post_copy(facts),
        ),
    }


def _versions(host: Host, now: HostIdentity | Unknown) -> dict[str, str]:
    """As the host says now; what was seen last is shown else."""
    if isinstance(now, Unknown):
        return {"libvirt": host.libvirt, "qemu": host.qemu}
    return {"libvirt": version_text(now.libvirt), "qemu": version_text(now.qemu)}


def _limits_before(row: Migration, facts: Facts) -> dict[str, int]:
    """libvirt keeps the bandwidth of a call for the VM's next migrations."""
    known, options = facts.guest.runtime, row.request.options
    if isinstance(known, Unknown) or not (options.bandwidth_mib or options.disk_bandwidth_mib):
        return {}
    return {"bandwidth_mib": known.speed_mib or 0}


def _source_disks(facts: Facts) -> list[dict[str, Any]]:
    """Of the disks that are copied: where the source has them. A path of "" is not known."""
    if isinstance(facts.guest.definition, Unknown):
        return []
    here, copied, found = storage.here(facts), storage.copied_disks(facts), []
    for disk in facts.guest.definition.disks:
        if disk.target in copied:
            volume = here.volume(disk)
            found.append(
                {
                    "target": disk.target,
                    "path": here.path(disk),
                    "pool": volume.pool if volume else "",
                    "volume": volume.name if volume else "",
                    "format": volume.format if volume else disk.format,
                    "size": volume.capacity if volume else None,
                    "allocated": volume.allocation if volume else None,
                }
            )
    return found
