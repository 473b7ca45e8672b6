"""Migrations: rows for lists, one migration with everything known about it, and similar ones to compare with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from hosts.models import Guest, Sighting
from hosts.reading.veil import veil_for
from migrations_app.domain.lifecycle import TERMINAL, State
from migrations_app.models import Migration, MigrationQuerySet

BESIDE = 7
#: the drawer keeps so many outcomes, and so many bad ones before them, for so long
MOST_ENDED = 5
MOST_BAD = 15
BAD = (State.FAILED, State.BLOCKED)
LATELY = timedelta(hours=6)
AMONG = 200


def migration_rows(user: Any) -> QuerySet[Migration]:
    seen: MigrationQuerySet = Migration.objects.visible_to(user)
    rows: QuerySet[Migration] = seen.light("findings").select_related("source", "target")
    return rows


def whole_rows(user: Any) -> QuerySet[Migration]:
    """With the findings, which are long, the orders, and the number of the migration that was started instead."""
    seen: MigrationQuerySet = Migration.objects.visible_to(user)
    rows: QuerySet[Migration] = seen.light().select_related("source", "target")
    later = Prefetch("restarted_as", queryset=Migration.objects.only("restart_of"))
    return rows.prefetch_related("orders", later)


def active_migrations(user: Any) -> list[Migration]:
    """For every page's bar, which says nothing of their orders."""
    rows = Migration.objects.visible_to(user).active().shown().prefetch_related(None)
    found = rows.light("findings").order_by("requested_at")
    return [veiled(user, row) for row in found]


def ended_lately(user: Any, after: datetime | None) -> list[Migration]:
    """For every page's bar: the last outcomes, newest first, and no bad one is pushed out by good ones. `after`: those
    that ended later than this."""
    since = max(filter(None, (timezone.now() - LATELY, after)))
    # there is no index by end: one that began before these is on the list of migrations
    newest = Migration.objects.order_by("-id").values("pk")[:AMONG]
    rows = Migration.objects.visible_to(user).filter(pk__in=newest, state__in=TERMINAL, finished_at__gt=since)
    rows = rows.select_related("source", "target").light("findings")
    ended = [veiled(user, row) for row in rows.order_by("-finished_at", "-id")]
    earlier = [row for row in ended[MOST_ENDED:] if row.state in BAD]
    return [*ended[:MOST_ENDED], *earlier[:MOST_BAD]]


def veiled(user: Any, migration: Migration) -> Migration:
    """Its sentences as this user may read them. It is not for saving."""
    veil = veil_for(user, migration.source_id, migration.target_id)
    for name in {"state_text", "error", "reason", "findings", "arrival"} - migration.get_deferred_fields():
        setattr(migration, name, veil(getattr(migration, name)))
    return migration


def migration_of(user: Any, pk: int) -> Migration | None:
    rows = Migration.objects.visible_to(user).shown().select_related("guest").light()
    return rows.filter(pk=pk).first()


def followed(pk: int) -> Migration | None:
    """For the pages that show it, whoever looks."""
    return Migration.objects.shown().light("findings").filter(pk=pk).first()


def moves_beside(user: Any, migration: Migration) -> list[Migration]:
    """A migration that is done, and the newest others of its kind between the same two hosts; [] without others."""
    if migration.state != State.DONE or migration.kind_row.same_host:
        return []
    rows = migration_rows(user).filter(
        source=migration.source_id, target=migration.target_id, kind=migration.kind, state=State.DONE
    )
    others = list(rows.exclude(pk=migration.pk)[:BESIDE])
    return [migration, *others] if others else []


def sighting_of(migration: Migration) -> Sighting | None:
    """Where the migration's guest was seen last."""
    guest: Guest = Guest.objects.prefetch_related("sightings__host").get(pk=migration.guest_id)
    return guest.current_sighting()
