"""The earlier moves that a forecast learns from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrations_app.domain.forecast import Forecast, Run, forecast
from migrations_app.domain.lifecycle import State
from migrations_app.domain.progress import Progress
from migrations_app.domain.request import Kind
from migrations_app.models import Migration, Preflight
from migrations_app.usecases.queries import samples_of

#: the newest of them: links and guests change
MOST_RUNS = 10
_MIB = 1024 * 1024


def forecast_for(preflight: Preflight) -> Forecast | None:
    """None when the guest is nowhere, or nothing was moved between these two hosts in this way before."""
    here = preflight.guest.current_sighting()
    if here is None:
        return None
    rows = Migration.objects.filter(
        source=here.host_id, target=preflight.target_id, kind=preflight.kind, state=State.DONE
    ).order_by("-id")[:MOST_RUNS]
    limit = preflight.request.options.bandwidth_mib
    return forecast(
        list(_runs(rows, preflight)),
        memory_bytes=preflight.guest.memory_kib * 1024,
        with_disks=preflight.request.kind is Kind.LIVE_STORAGE,
        limit_bps=limit * _MIB if limit else None,
    )


def _runs(rows: Iterable[Migration], preflight: Preflight) -> Iterator[Run]:
    own_seen = False
    for row in rows:
        if row.options.get("bandwidth_mib"):
            continue  # slowed down on request: it says nothing about the link
        own = row.guest_id == preflight.guest_id
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
