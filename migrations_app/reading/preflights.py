"""Preflights that were asked for."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from hosts.reading.veil import veil_for
from kvmweb.accounts.permissions import Right, may
from migrations_app.models import Preflight


def preflight_rows(user: Any) -> QuerySet[Preflight]:
    rows: QuerySet[Preflight] = Preflight.objects.visible_to(user).select_related("guest", "target")
    return rows


def told(user: Any, preflight: Preflight) -> Preflight:
    """As this user may read it. It is not for saving."""
    if not may(user, Right.SEE_EVERYTHING):
        veil = veil_for(user, *preflight.hosts)
        preflight.findings, preflight.error = veil(preflight.findings), veil(preflight.error)
    return preflight


def guest_preflights(user: Any) -> QuerySet[Preflight]:
    """Without those of definitions: no page shows them, and nobody starts a migration with them."""
    return preflight_rows(user).exclude(guest=None)
