"""What somebody asked of a migration while it ran."""

from __future__ import annotations

from django.db.models import QuerySet

from migrations_app.domain.orders import CONTROLS
from migrations_app.models import Migration, Order


def orders_of(migration: Migration) -> QuerySet[Order]:
    rows: QuerySet[Order] = migration.orders.filter(what__in=list(CONTROLS))
    return rows
