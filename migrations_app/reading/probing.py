"""The networks in which VMs may be probed."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from migrations_app.models import ProbeNetwork


def networks(user: Any) -> QuerySet[ProbeNetwork]:
    rows: QuerySet[ProbeNetwork] = ProbeNetwork.objects.visible_to(user)
    return rows
