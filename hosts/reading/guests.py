"""Which VMs exist, according to what hosts have reported."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from hosts.models import Guest, Sighting


def seen(rows: QuerySet[Guest]) -> QuerySet[Guest]:
    """Without those that were forgotten: a host reports them, or has reported them."""
    return rows.filter(Exists(Sighting.objects.filter(guest=OuterRef("pk"))))


def gone(rows: QuerySet[Guest]) -> QuerySet[Guest]:
    """No host reports them any more, though one has."""
    return seen(rows).exclude(Exists(Sighting.objects.filter(guest=OuterRef("pk"), gone_since=None)))


def called_exactly(user: Any, text: str) -> list[Guest]:
    """At most two VMs with this UUID, or with exactly this name."""
    rows = Guest.objects.visible_to(user)
    with suppress(ValueError):
        return list(rows.filter(pk=UUID(text)))
    return list(rows.filter(name=text)[:2])
