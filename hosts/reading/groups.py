"""Groups of hosts, and what people of teams may read of where a VM is."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet

from hosts.models import Host, HostGroup


def visible_groups(user: Any) -> QuerySet[HostGroup]:
    rows: QuerySet[HostGroup] = HostGroup.objects.visible_to(user)
    return rows


def group_rows(user: Any) -> QuerySet[HostGroup]:
    """With `size`: how many hosts belong to it."""
    return visible_groups(user).annotate(size=Count("hosts"))


def site_of(host: Host) -> str:
    """In an admin's words; "" when there are none. Never the host's name. Read it with `select_related("group")`."""
    return host.group.site if host.group else ""
