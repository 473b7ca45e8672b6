"""The earlier moves that a forecast learns from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hosts.models import Guest, Host
from migrations_app.domain.forecast import Run, forecast
from migrations_app.domain.lifecycle import State
from migrations_app.domain.progress import Progress
from migrations_app.domain.request import Kind, MigrationRequest
from migrations_app.models import Migration
from migrations_app.usecases.queries import samples_of

#: the newest of them: links and guests change
MOST_RUNS = 10
_MIB = 1024 * 1024


def forecast_for(user: Any, request: MigrationRequest, guest: Guest, source: Host) -> dict[str, Any]:
    """As it is stored, from the moves that this person may see: see domain.forecast.Forecast. {} when nothing was moved
    between these two hosts in this way before."""
    if user is None:  # whoever asked is no longer registered
        return {}
    rows = (
        Migration.objects.visible_to(user)
        .filter(source=source, target=request.target, kind=request.kind, state=State.DONE)
        .defer("source_xml", "findings")
        .order_by("-id")[:MOST_RUNS]
    )
    limit = request.options.bandwidth_mib
    foreseen = forecast(
        list(_runs(rows, guest)),
        memory_bytes=guest.memory_kib * 1024,
        with_disks=request.kind is Kind.LIVE_STORAGE,
        limit_bps=limit * _MIB if limit else None,
    )
    return foreseen.as_json() if foreseen else {}


def _runs(rows: Iterable[Migration], guest: Guest) -> Iterator[Run]:
    own_seen = False
    for row in rows:
        if row.options.get("bandwidth_mib"):
            continue  # slowed down on request: it says nothing about the link
        own = row.guest_id == guest.pk
        yield Run(
            same_guest=own,
            transferred_bytes=Progress.from_json(row.progress).transferred_bytes or 0,
            seconds=row.timings.get("transfer", 0.0),
            downtime_ms=row.downtime_ms,
            dirty_bps=_dirty_bps(row) if own and not own_seen else None,
        )
        own_seen = own_seen or own


def _dirty_bps(row: Migration) -> int | None:
    """The fastest that libvirt has counted while it copied; one move tells enough, its rows are many."""
    seen = [value for value in samples_of(row)[2] if value is not None]
    return int(max(seen)) if seen else None
