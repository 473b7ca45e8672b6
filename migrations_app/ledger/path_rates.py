"""How the rows of paths change: by a user's wish (usecases/measure_path.py), then taken and ended by one worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from hosts.models import Host
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.ui import units
from kvmweb.web.plain import isolated
from migrations_app.models import Migration, PathRate
from migrations_app.models.migration import BUSY
from migrations_app.models.path_rate import LEASE, running

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def wish_path(source: Host, target: Host, *, by: User) -> PathRate | None:
    """A new wish for the rate of this path. None when another one came meanwhile."""
    values: dict[str, Any] = {"address": address_of(target), "asked_by": by, "asked_at": timezone.now()}
    values |= {"ended_at": None, "leased_until": None, "error": ""}
    row, new = PathRate.objects.get_or_create(source=source, target=target, defaults=values)
    if not new:
        if not PathRate.objects.filter(pk=row.pk, epoch=row.epoch).update(epoch=row.epoch + 1, **values):
            return None
        row.refresh_from_db()
    return row


def take_path(pk: int, epoch: int) -> PathRate | None:
    """For a worker. None when it comes too late, or another one has or had it."""
    waiting = PathRate.objects.filter(running(), pk=pk, epoch=epoch, leased_until=None)
    if not waiting.update(leased_until=timezone.now() + LEASE):
        return None
    taken: PathRate = PathRate.objects.select_related("source", "target").get(pk=pk)
    return taken


def end_path(row: PathRate, *, bps: float | None = None, error: str = "") -> None:
    """Does nothing for a worker whose row has ended or been asked for again since."""
    now = timezone.now()
    fields: dict[str, Any] = {"ended_at": now, "error": error}
    text = f"The {row} was not measured. {error}"
    if bps is not None:  # what was measured before stays otherwise
        fields |= {"bps": bps, "measured_at": now, "measured_address": row.address}
        text = f"The {row} carried {units.rate(bps)}."
    with transaction.atomic():
        if PathRate.objects.filter(pk=row.pk, epoch=row.epoch, ended_at=None).update(**fields):
            for host in (row.source_id, row.target_id):
                writer.write(writer.host_topic(host), EntryKind.NOTE, text)


def address_of(target: Host, asked: str = "") -> str:
    """Where a migration would connect to; `asked`: the one of its options."""
    peer = target.peer
    return asked or target.migration_address or (peer.address if peer else "")


def migrating_words(source: Host, target: Host) -> str:
    """Why no stream may be sent now: it would take from a migration, and measure what that leaves. "" when it may."""
    hosts = (source.pk, target.pk)
    there = Q(source__in=hosts) | Q(target__in=hosts)
    busy = Migration.objects.filter(BUSY, there).only("guest_name").first()
    if busy is None:
        return ""
    name = isolated(busy.guest_name)
    return f"{name} is migrating from or to one of these hosts. Measure the path when that has ended."
