"""What is known of the paths between hosts, by probe streams."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from hosts.models import Host
from kvmweb.web.plain import isolated
from migrations_app.models import Migration, PathRate
from migrations_app.models.migration import BUSY


def path_rows(user: Any) -> QuerySet[PathRate]:
    rows: QuerySet[PathRate] = PathRate.objects.visible_to(user).select_related("source", "target")
    return rows


def path_between(source: Host, target: Host) -> PathRate | None:
    return PathRate.objects.select_related("source", "target").filter(source=source, target=target).first()


def result_for(source: Host, target: Host, address: str) -> PathRate | None:
    """The row, when its result counts for a migration to this address."""
    row = path_between(source, target)
    return row if row is not None and row.counts and row.measured_address == address else None


def address_of(target: Host, asked: str = "") -> str:
    """Where a migration would connect to; `asked`: the one of its options."""
    peer = target.peer
    return asked or target.migration_address or (peer.address if peer else "")


def migrating_words(source: Host, target: Host) -> str:
    """Why no stream may be sent now: it would take from a migration, and measure what that leaves. "" when it may."""
    hosts = (source.pk, target.pk)
    there = Q(source__in=hosts) | Q(target__in=hosts)
    busy = Migration.objects.filter(BUSY, there).only("guest_name").first()
    if busy is None:
        return ""
    return (
        f"{isolated(busy.guest_name)} is migrating from or to one of these hosts. Measure the path when it has ended."
    )
