"""A worker has one host send a short stream to another one, and keeps what the path between them carries."""

from __future__ import annotations

import logging
from contextlib import ExitStack

from hosts import gateway
from hosts.gateway.port import GatewayError, HostConnection
from hosts.models import Host
from hosts.words.contact import unreachable
from kvmweb.queue import Detached
from migrations_app.ledger.path_rates import end_path, migrating_words, take_path
from migrations_app.models import PathRate
from migrations_app.worker.run_preflight import Connect

log = logging.getLogger(__name__)
STOPPED = "kvmweb was stopped during the measurement. Measure again."
FAILED = "The measurement failed because of an internal error; kvmweb's log has the details."


class _NotMeasured(Exception):
    """A sentence for a user."""


def measure_path(pk: int, epoch: int, *, connect: Connect = gateway.connect) -> None:
    """A second delivery does nothing, and nobody repeats the stream of a worker that was killed."""
    row = take_path(pk, epoch)
    if row is None:
        return
    try:
        bps = _measured(row, connect)
    except (_NotMeasured, GatewayError) as why:
        end_path(row, error=str(why))
    except Detached:
        end_path(row, error=STOPPED)
        raise
    except Exception:
        log.exception("path rate %s: the worker failed", pk)
        end_path(row, error=FAILED)
    else:
        end_path(row, bps=bps)


def _measured(row: PathRate, connect: Connect) -> float:
    """Raises _NotMeasured, GatewayError."""
    with ExitStack() as opened:
        source, target = (_open(host, connect, opened) for host in (row.source, row.target))
        if why := migrating_words(row.source, row.target):
            raise _NotMeasured(why)
        bps = gateway.path_rate(source, target, row.address)
    if why := migrating_words(row.source, row.target):  # begun meanwhile: less was left for the stream
        raise _NotMeasured(why)
    return bps


def _open(host: Host, connect: Connect, opened: ExitStack) -> HostConnection:
    try:
        connection = connect(host.endpoint, deadline=gateway.PATH_RATE_SECONDS)
    except GatewayError as error:
        raise _NotMeasured(unreachable(host, error.message)[0]) from None
    opened.callback(connection.close)
    if host.host_uuid and connection.identity().uuid != str(host.host_uuid):
        raise _NotMeasured(f"Another machine answers at the address of {host}.")
    return connection
