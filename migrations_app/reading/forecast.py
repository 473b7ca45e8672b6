"""The earlier migrations that a forecast learns from."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from hosts.models import Guest, Host
from migrations_app.domain.convergence.policy import Policy
from migrations_app.domain.forecast import Known, Probed, Run, forecast, forecast_stop
from migrations_app.domain.forecast.measured import Measured
from migrations_app.domain.forecast.proposal import Allowed
from migrations_app.domain.kinds import KIND
from migrations_app.domain.lifecycle import State
from migrations_app.domain.progress import Progress
from migrations_app.domain.request import MigrationRequest
from migrations_app.ledger.path_rates import address_of
from migrations_app.models import Migration, PolicyChoice, Preflight
from migrations_app.models import Policy as PolicyRow
from migrations_app.models.policy import consents_of
from migrations_app.reading.path_rates import result_for

log = logging.getLogger(__name__)
#: so many are looked through
_MOST_ROWS = 50
#: what was measured so long ago says little of what the VM does now
_FRESH_MINUTES = 60
_MOST_CHECKS = 5
_MIB = 1024 * 1024


def forecast_for(
    user: Any,
    request: MigrationRequest,
    guest: Guest,
    source: Host,
    *,
    paused: bool,
    post_copy: bool = False,
    measured: Measured | None = None,
) -> dict[str, Any]:
    """As it is stored (see domain.forecast.Forecast), from the migrations that this user may see, and from what was
    `measured` just now and by the checks of the last hour. `post_copy`: whether the checks allow it. {} when there is
    nothing to tell it from. Never raises: a forecast is advice, and stops neither a report nor a migration."""
    try:
        found = [one for one in (measured, *_by_checks(guest, request)) if one is not None and one.memory_bytes]
        known = _known(request, guest, source, found)
        known = replace(known, allowed=_allowed(guest, post_copy=post_copy))
        return _forecast(user, request, guest, source, paused, known)
    except Exception:
        log.exception("no forecast for %s: internal error", guest)
        return {}


def _forecast(
    user: Any, request: MigrationRequest, guest: Guest, source: Host, paused: bool, known: Known
) -> dict[str, Any]:
    if user is None or KIND[request.kind].same_host:  # no longer registered; no memory migrates, and no link tells
        return {}
    if KIND[request.kind].stops:
        earlier = Migration.objects.visible_to(user).interruptions(guest=guest, source=source, target=request.target)
        return forecast_stop(earlier, patience_s=request.options.shutdown_patience_s).as_json()
    rows = (
        Migration.objects.visible_to(user)
        .filter(source=source, target=request.target, kind=request.kind, state=State.DONE)
        .select_related("guest")
        .defer("source_xml", "findings")
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
        known=known,
    )
    return foreseen.as_json() if foreseen else {}


def _by_checks(guest: Guest, request: MigrationRequest) -> list[Measured]:
    since = timezone.now() - timedelta(minutes=_FRESH_MINUTES)
    checks = Preflight.objects.filter(guest=guest, target=request.target, seen_at__gte=since).exclude(measured={})
    return [Measured.from_json(one.measured) for one in checks.order_by("-id")[:_MOST_CHECKS]]


def _known(request: MigrationRequest, guest: Guest, source: Host, measured: Sequence[Measured]) -> Known:
    newest = measured[0] if measured else Measured()
    policy = _policy(request, guest, source)
    allowed = request.options.max_downtime_ms or policy.start_downtime_ms
    return Known(
        memory_bytes=newest.memory_bytes or guest.memory_kib * 1024,
        resident_bytes=newest.resident_bytes,
        windows=tuple(one.dirty for one in measured if one.dirty is not None),
        nominal_bps=newest.nominal_bps,
        probed=_probed(request, source),
        allowed_ms=allowed,
        most_ms=max(allowed, policy.top_ms),
    )


def _probed(request: MigrationRequest, source: Host) -> Probed | None:
    target = Host.objects.filter(pk=request.target).first()
    if target is None:
        return None
    row = result_for(source, target, address_of(target, request.options.migration_address or ""))
    return Probed(bps=row.bps, at=row.measured_at) if row and row.bps and row.measured_at else None


def _allowed(guest: Guest, *, post_copy: bool) -> Allowed:
    policies = tuple(row.data for row in PolicyRow.objects.all())
    return Allowed(policies=policies, consents=consents_of(guest), post_copy=post_copy)


def _policy(request: MigrationRequest, guest: Guest, source: Host) -> Policy:
    chosen = PolicyRow.objects.filter(name=request.policy).first() if request.policy else None
    return (chosen or PolicyChoice.objects.in_effect(guest=guest, source=source).policy).data


def _runs(rows: QuerySet[Migration], guest: Guest, *, copies: bool) -> Iterator[Run]:
    for row in rows:
        if row.options.get("bandwidth_mib"):
            continue  # slowed down on request: it says nothing about the link
        if row.stream:
            continue  # kvmweb copied: it says nothing about what libvirt copies
        if bool(row.options.get("copy_disks")) is not copies:
            continue
        told = Progress.from_json(row.progress)
        # by a user or a policy: says nothing about the migration
        stood_still = row.was_paused or row.suspended or row.paused_by_policy
        # QEMU may have slowed the VM down: it wrote most before
        slowed = row.options.get("auto_converge") or row.track_data.throttled
        yield Run(
            same_guest=row.guest_id == guest.pk,
            transferred_bytes=told.transferred_bytes or 0,
            seconds=(told.elapsed_ms or 0) / 1000,
            downtime_ms=None if stood_still else row.downtime_ms,
            dirty_bps=None if stood_still else told.dirty_max_bps,
            mean_dirty_bps=None if stood_still else told.dirty_max_bps if slowed else told.dirty_mean_bps,
            memory_bytes=row.guest.memory_kib * 1024,
            first_bytes=told.first_pass_bytes,
            first_seconds=told.first_pass_ms / 1000 if told.first_pass_ms else None,
            flow_seconds=(told.flow_ms or 0) / 1000,
            flow_bytes=told.flow_bytes or 0,
            resident_bytes=row.forecast.get("resident_bytes"),
            stalled=told.stalled,
            ended_at=row.finished_at,
        )
