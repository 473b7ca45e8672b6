"""Preflights that were asked for."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from hosts.reading.veil import veiled
from kvmweb.accounts.permissions import Right, may
from migrations_app.models import Preflight


def preflight_rows(user: Any) -> QuerySet[Preflight]:
    rows: QuerySet[Preflight] = Preflight.objects.visible_to(user).select_related("guest", "target")
    return rows


def told(user: Any, preflight: Preflight) -> Preflight:
    """As this user may read it."""
    shown = () if may(user, Right.SEE_EVERYTHING) else preflight.hosts
    return veiled(user, preflight, "findings", "error", shown=shown)


def guest_preflights(user: Any) -> QuerySet[Preflight]:
    """Without those of definitions: no page shows them, and nobody starts a migration with them."""
    return preflight_rows(user).exclude(guest=None)
