"""A worker has one host send a short stream to another one, and keeps what the path between them carries."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Any

from django.db import transaction
from django.utils import timezone

from hosts import gateway
from hosts.gateway.path_rate import DEADLINE_SECONDS, path_rate
from hosts.gateway.port import GatewayError, HostConnection
from hosts.models import Host
from hosts.words.contact import unreachable
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.queue import Detached
from kvmweb.ui import units
from migrations_app.models import PathRate
from migrations_app.models.path_rate import LEASE, running
from migrations_app.reading.path_rates import migrating_words
from migrations_app.worker.run_preflight import Connect

log = logging.getLogger(__name__)
STOPPED = "kvmweb was stopped during the measurement. Measure again."
FAILED = "The measurement failed because of an internal error; kvmweb's log has the details."


class _NotMeasured(Exception):
    """A sentence for a user."""


def measure_path(pk: int, epoch: int, *, connect: Connect = gateway.connect) -> None:
    """A second delivery does nothing, and nobody repeats the stream of a worker that was killed."""
    waiting = PathRate.objects.filter(running(), pk=pk, epoch=epoch, leased_until=None)
    if not waiting.update(leased_until=timezone.now() + LEASE):
        return
    row = PathRate.objects.select_related("source", "target").get(pk=pk)
    try:
        bps = _measured(row, connect)
    except (_NotMeasured, GatewayError) as why:
        _end(row, error=str(why))
    except Detached:
        _end(row, error=STOPPED)
        raise
    except Exception:
        log.exception("path rate %s: the worker failed", pk)
        _end(row, error=FAILED)
    else:
        _end(row, bps=bps)


def _measured(row: PathRate, connect: Connect) -> float:
    """Raises _NotMeasured, GatewayError."""
    with ExitStack() as opened:
        source, target = (_open(host, connect, opened) for host in (row.source, row.target))
        if why := migrating_words(row.source, row.target):
            raise _NotMeasured(why)
        bps = path_rate(source, target, row.address)
    if why := migrating_words(row.source, row.target):  # begun meanwhile: less was left for the stream
        raise _NotMeasured(why)
    return bps


def _open(host: Host, connect: Connect, opened: ExitStack) -> HostConnection:
    try:
        connection = connect(host.endpoint, deadline=DEADLINE_SECONDS)
    except GatewayError as error:
        raise _NotMeasured(unreachable(host, error.message)[0]) from None
    opened.callback(connection.close)
    if host.host_uuid and connection.identity().uuid != str(host.host_uuid):
        raise _NotMeasured(f"Another machine answers at the address of {host}.")
    return connection


def _end(row: PathRate, *, bps: float | None = None, error: str = "") -> None:
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
