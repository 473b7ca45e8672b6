"""Take over a migration whose worker is gone. libvirt went on by itself; the same watch goes on too."""

from __future__ import annotations

import logging

from django.db import transaction

from hosts import gateway
from kvmweb.queue import Detached, enqueue
from migrations_app.domain.lifecycle import IN_FLIGHT, State
from migrations_app.models import Migration
from migrations_app.worker import ledger
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.ledger import LostClaim
from migrations_app.worker.lines import Line
from migrations_app.worker.run_preflight import Connect
from migrations_app.worker.slots import wake_queued
from migrations_app.worker.watch_migration import Watch

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
    held = ledger.claim(pk, states=[*IN_FLIGHT, State.NEEDS_ATTENTION])
    if held is None:
        return
    if migration.state != State.NEEDS_ATTENTION:
        ledger.note(held, "Another worker watches this migration now. libvirt was not disturbed.", owner=held.owner)
    migration.refresh_from_db()
    try:
        with (
            Heartbeat(held) as heart,
            Line(migration.source, connect, machine=migration.source_host_uuid) as source,
            Line(migration.target, connect, machine=migration.target_host_uuid) as target,
        ):
            source.wait(_CONNECT_PATIENCE)
            target.wait(_CONNECT_PATIENCE)
            Watch(held, migration, source, target, heart).run()
    except LostClaim as lost:
        log.info("%s", lost)
    except Detached:
        ledger.release(held)
        raise
    except Exception:
        log.exception("migration %s: the adopter stumbled", pk)
        ledger.release(held)
    wake_queued()


def _begin_again(pk: int) -> None:
    """The worker died while it was reading: nothing was started, so the request is as good as new."""
    held = ledger.claim(pk, states=[State.CHECKING])
    if held is None:
        return
    with transaction.atomic():
        text = "The worker that was checking is gone; checking again."
        ledger.change_state(held, State.CHECKING, State.REQUESTED, text, owner="", owner_pid=None)
        enqueue("migrations_app.tasks.run_migration", pk, cluster="migrations")
