"""What is known of the paths between hosts, by probe streams."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from hosts.models import Host
from migrations_app.models import PathRate


def path_rows(user: Any) -> QuerySet[PathRate]:
    rows: QuerySet[PathRate] = PathRate.objects.visible_to(user).select_related("source", "target")
    return rows


def path_between(source: Host, target: Host) -> PathRate | None:
    return PathRate.objects.select_related("source", "target").filter(source=source, target=target).first()


def result_for(source: Host, target: Host, address: str) -> PathRate | None:
    """The row, when its result counts for a migration to this address."""
    row = path_between(source, target)
    return row if row is not None and row.counts and row.measured_address == address else None
