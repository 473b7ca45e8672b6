"""Rollback copies for lists, and those that wait for longer than the setting says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from hosts.models import Host
from migrations_app.models import CopyState, Migration, RollbackCopy


def copy_rows(user: Any) -> QuerySet[RollbackCopy]:
    rows: QuerySet[RollbackCopy] = RollbackCopy.objects.visible_to(user).select_related("host", "migration")
    return rows.defer(*(f"migration__{name}" for name in ("source_xml", "target_xml", "checkpoints", "findings")))


def copies_of(user: Any, migration: Migration) -> list[RollbackCopy]:
    """By disk."""
    return list(copy_rows(user).filter(migration=migration).order_by("disk"))


def paths_on(host: Host) -> frozenset[str]:
    """Of the copies that are there."""
    rows = RollbackCopy.objects.filter(host=host, state=CopyState.PRESENT)
    return frozenset(rows.values_list("path", flat=True))


def old_before() -> datetime | None:
    """Copies that are older are named in the reminder; None when there is no reminder."""
    days = settings.KVMWEB.rollback_reminder_days
    return timezone.now() - timedelta(days=days) if days else None


def old_count(user: Any) -> int:
    before = old_before()
    if before is None:
        return 0
    return copy_rows(user).filter(state=CopyState.PRESENT, created_at__lt=before).count()
