"""Migrations beside each other: those of one VM, or those between two hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hosts.models import Guest, Host
from migrations_app.domain.lifecycle import TERMINAL
from migrations_app.models import Migration
from migrations_app.reading.migrations import migration_rows, veiled

#: that fit beside each other on a page
MOST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What they have in common."""

    guest: Guest | None
    source: Host | None
    target: Host | None


def group_of(user: Any, *, vm: UUID | None, source: int | None, target: int | None) -> Group | None:
    """None when nothing is named, or something that this user does not see."""
    hosts = Host.objects.visible_to(user)
    group = Group(
        guest=Guest.objects.visible_to(user).filter(pk=vm).first() if vm else None,
        source=hosts.filter(pk=source).first() if source else None,
        target=hosts.filter(pk=target).first() if target else None,
    )
    named, found = (vm, source, target), (group.guest, group.source, group.target)
    if not any(named) or any(name and not row for name, row in zip(named, found, strict=True)):
        return None
    return group


def compared(user: Any, group: Group, *, before: int | None) -> list[Migration]:
    """The newest that have started and ended, and one more than MOST when there are older ones; those with a smaller
    number than `before` when it is given."""
    wanted = {"guest": group.guest, "source": group.source, "target": group.target, "pk__lt": before}
    rows = migration_rows(user).filter(state__in=TERMINAL, started_at__isnull=False)
    rows = rows.filter(**{name: value for name, value in wanted.items() if value is not None})
    return [veiled(user, row) for row in rows.order_by("-id")[: MOST + 1]]
