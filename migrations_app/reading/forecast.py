"""The earlier migrations that a forecast learns from."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from hosts.models import Guest, Host
from migrations_app.domain.forecast import Run, forecast, forecast_stop
from migrations_app.domain.kinds import KIND
from migrations_app.domain.lifecycle import State
from migrations_app.domain.progress import Progress
from migrations_app.domain.request import MigrationRequest
from migrations_app.models import Migration

log = logging.getLogger(__name__)
#: so many are looked through
_MOST_ROWS = 50
_MIB = 1024 * 1024


def forecast_for(user: Any, request: MigrationRequest, guest: Guest, source: Host, *, paused: bool) -> dict[str, Any]:
    """As it is stored (see domain.forecast.Forecast), from the migrations that this user may see; {} without any. Never
    raises: a forecast is advice, and stops neither a report nor a migration."""
    try:
        return _forecast(user, request, guest, source, paused)
    except Exception:
        log.exception("no forecast for %s: internal error", guest)
        return {}


def _forecast(user: Any, request: MigrationRequest, guest: Guest, source: Host, paused: bool) -> dict[str, Any]:
    if user is None or KIND[request.kind].same_host:  # no longer registered; no memory migrates, and no link tells
        return {}
    if KIND[request.kind].stops:
        known = Migration.objects.visible_to(user).interruptions(guest=guest, source=source, target=request.target)
        return forecast_stop(known, patience_s=request.options.shutdown_patience_s).as_json()
    rows = (
        Migration.objects.visible_to(user)
        .filter(source=source, target=request.target, kind=request.kind, state=State.DONE)
        .only("guest_id", "options", "progress", "downtime_ms", "was_paused", "suspended", "paused_by_policy")
        .order_by("-id")[:_MOST_ROWS]
    )
    copies, starts_paused = bool(request.options.copy_disks), KIND[request.kind].starts_paused
    limit = request.options.bandwidth_mib
    foreseen = forecast(
        list(_runs(rows, guest, copies=copies)),
        memory_bytes=0 if starts_paused else guest.memory_kib * 1024,  # of one that never ran, it is empty
        with_disks=copies,
        paused=paused or starts_paused,
        pauses=KIND[request.kind].pauses,
        limit_bps=limit * _MIB if limit else None,
    )
    return foreseen.as_json() if foreseen else {}


def _runs(rows: QuerySet[Migration], guest: Guest, *, copies: bool) -> Iterator[Run]:
    for row in rows:
        if row.options.get("bandwidth_mib"):
            continue  # slowed down on request: it says nothing about the link
        if bool(row.options.get("copy_disks")) is not copies:
            continue
        told = Progress.from_json(row.progress)
        # by a user or a policy: says nothing about the migration
        stood_still = row.was_paused or row.suspended or row.paused_by_policy
        yield Run(
            same_guest=row.guest_id == guest.pk,
            transferred_bytes=told.transferred_bytes or 0,
            seconds=(told.elapsed_ms or 0) / 1000,
            downtime_ms=None if stood_still else row.downtime_ms,
            dirty_bps=None if stood_still else told.dirty_max_bps,
            stalled=told.stalled,
        )
