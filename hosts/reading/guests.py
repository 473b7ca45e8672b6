"""Which VMs exist, according to what hosts have reported."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from hosts.models import Guest, Sighting


def seen(rows: QuerySet[Guest]) -> QuerySet[Guest]:
    """Without those that were forgotten: a host reports them, or has reported them."""
    return rows.filter(Exists(Sighting.objects.filter(guest=OuterRef("pk"))))


def gone(rows: QuerySet[Guest]) -> QuerySet[Guest]:
    """No host reports them any more, though one has."""
    return seen(rows).exclude(Exists(Sighting.objects.filter(guest=OuterRef("pk"), gone_since=None)))
