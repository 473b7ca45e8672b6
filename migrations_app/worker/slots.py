"""How many migrations run at once: so many in all, so many out of and into one host. The rest wait in `queued`.

Whoever leaves the queue takes its slot first and checks both hosts afterwards, so that one free slot makes one worker
check. The slot is held while it checks, for CHECK_SECONDS at most: it is free again as soon as the migration is
blocked, and when a host keeps the worker waiting.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from hosts.models import Host
from kvmweb.queue import enqueue
from migrations_app.domain.gate import Wait
from migrations_app.domain.lifecycle import State
from migrations_app.hooks import gate
from migrations_app.models import Migration
from migrations_app.models.migration import BUSY

#: as long as the answers of two hosts that are not silent take
CHECK_SECONDS = 60.0


def take(migration: Migration) -> dict[str, Any] | None:
    """Inside the transaction that takes a migration out of the queue: what to write with it; None when there is no slot
    for it any more. One that was just requested is checked in any case: a blocker is worth knowing at once."""
    lock_slots()
    if may_begin(migration):
        return {"slot_until": timezone.now() + timedelta(seconds=CHECK_SECONDS)}
    return {"slot_until": None} if migration.state == State.REQUESTED else None


def why_not(migration: Migration) -> str:
    """The reason why this migration has to wait, "" when a slot is free. A look, not a reservation."""
    config = settings.KVMWEB
    taken = BUSY | Q(state=State.CHECKING, slot_until__gt=timezone.now())
    others = Migration.objects.filter(taken).exclude(pk=migration.pk).select_related("source", "target")
    flying = list(others.only("guest_name", "source__group", "target__group"))
    if len(flying) >= config.max_migrations:
        running = "1 migration is" if len(flying) == 1 else f"{len(flying)} migrations are"
        return f"Waiting for a free slot: {running} running, which is the limit."
    leaving = [one for one in flying if one.source_id == migration.source_id]
    if len(leaving) >= config.max_migrations_out:
        return f"Waiting for a free slot: {_are(leaving, migration)} migrating from {migration.source}."
    coming = [one for one in flying if one.target_id == migration.target_id]
    if len(coming) >= config.max_migrations_in:
        return f"Waiting for a free slot: {_are(coming, migration)} migrating to {migration.target}."
    return ""


def may_begin(migration: Migration) -> bool:
    """Whether a worker should look at a migration that is queued: a refusal has to be told, too."""
    return not why_not(migration) and not isinstance(gate(migration), Wait)


def _are(flying: list[Migration], migration: Migration) -> str:
    """Those that not everybody sees who sees this migration are counted: they are of other groups of hosts."""
    named = [one.guest_name for one in flying if _groups(migration) <= _groups(one)]
    more = len(flying) - len(named)
    others = [f"{more} {'other ' if named else ''}VM{'s' if more > 1 else ''}"] if more else []
    told = " and ".join(filter(None, (", ".join(named), *others)))
    return f"{told} {'is' if len(flying) == 1 else 'are'}"


def _groups(migration: Migration) -> set[int]:
    return {group for group in (migration.source.group_id, migration.target.group_id) if group}


def lock_slots() -> None:
    """Serialise those who count slots until the end of the transaction.

    SQLite's IMMEDIATE transactions are alone anyway; elsewhere the host rows are the lock.
    """
    if connection.vendor != "sqlite":
        list(Host.objects.select_for_update().order_by("pk").values_list("pk", flat=True))


def wake_queued() -> None:
    """Tell workers to look at the queued migrations that could start now, oldest first."""
    with transaction.atomic():
        for migration in Migration.objects.filter(state=State.QUEUED).select_related("source", "target").order_by("pk"):
            if may_begin(migration):
                enqueue("migrations_app.tasks.run_migration", migration.pk, cluster="migrations")
