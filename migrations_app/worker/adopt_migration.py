"""Take over a migration whose worker is gone. libvirt has continued by itself; the watch continues too."""

from __future__ import annotations

import logging

from django.db import transaction

from hosts import gateway
from kvmweb.queue import Detached, enqueue
from migrations_app import ledger
from migrations_app.domain.lifecycle import IN_FLIGHT, State
from migrations_app.ledger import LostClaim
from migrations_app.models import Migration
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.procedures import PROCEDURES
from migrations_app.worker.run_preflight import Connect
from migrations_app.worker.slots import wake_queued
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.watch.felt import feeling

log = logging.getLogger(__name__)
#: the first looks should not be wasted on connections that are still being opened
_CONNECT_PATIENCE = 3.0


def adopt_migration(
    pk: int, *, epoch: int | None = None, heartbeat: int | None = None, connect: Connect = gateway.connect
) -> None:
    """Nothing is ever started here: what has not begun goes back to the queue, what has is watched to its end.

    `epoch` and `heartbeat` are those that were found silent: a task that comes late or twice must not end a worker
    that watches well.
    """
    migration = Migration.objects.select_related("source", "target", "guest").filter(pk=pk).first()
    if migration is None or migration.terminal:
        return
    if epoch is not None and (migration.epoch, migration.heartbeat) != (epoch, heartbeat):
        return
    # one on another machine, which we cannot end, loses its claim below: without it nothing can be started any more
    ledger.end_owner(migration)
    if migration.state == State.CHECKING:
        _begin_again(pk)
        return
    claim = ledger.claim(pk, states=[*IN_FLIGHT, State.NEEDS_ATTENTION])
    if claim is None:
        return
    if migration.state != State.NEEDS_ATTENTION:
        ledger.note(claim, "Another worker follows this migration now. libvirt was not interrupted.", owner=claim.owner)
    migration.refresh_from_db()
    held = Held(claim, migration)
    try:
        with (
            Heartbeat(claim) as heart,
            feeling(held),
            SteadyConnection(migration.source, connect, machine=migration.source_host_uuid) as source,
            SteadyConnection(migration.target, connect, machine=migration.target_host_uuid) as target,
        ):
            source.wait(_CONNECT_PATIENCE)
            target.wait(_CONNECT_PATIENCE)
            if held.felt is not None:
                held.felt.ask_agent(source)
            PROCEDURES[migration.request.kind].follow(held, source, target, heart)
    except LostClaim as lost:
        log.info("%s", lost)
    except Detached:
        held.release()
        raise
    except Exception:
        log.exception("migration %s: the adopting worker failed", pk)
        held.release()
    wake_queued()


def _begin_again(pk: int) -> None:
    """The worker died while it was reading: nothing was started, so the request is as good as new."""
    claim = ledger.claim(pk, states=[State.CHECKING])
    if claim is None:
        return
    with transaction.atomic():
        text = "The worker ended during the check; checking again."
        ledger.change_state(claim, State.CHECKING, State.REQUESTED, text, owner="", owner_pid=None)
        enqueue("migrations_app.tasks.run_migration", pk, cluster="migrations")
