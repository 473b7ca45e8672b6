"""Hosts for choices in forms and filters."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from hosts.models import Host


def host_names(user: Any) -> QuerySet[Host]:
    """Only id and name, sorted by name."""
    hosts: QuerySet[Host] = Host.objects.visible_to(user)
    return hosts.only("name").order_by("name")


def host_called(user: Any, wanted: str | int) -> Host | None:
    """The host with this name, or else with this id."""
    hosts = Host.objects.visible_to(user)
    text = str(wanted)
    found: Host | None = hosts.filter(name=text).first() if isinstance(wanted, str) else None
    if found is None and text.isascii() and text.isdecimal() and len(text) < 18:
        found = hosts.filter(pk=int(text)).first()
    return found
