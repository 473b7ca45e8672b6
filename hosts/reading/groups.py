"""Groups of hosts, and what people of teams may read of where a VM is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db.models import Count, QuerySet

from hosts.models import Host, HostGroup, Sighting
from kvmweb.accounts.permissions import Right, groups_of, may
from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from uuid import UUID

#: more than these are counted
MOST_NAMES = 3


def visible_groups(user: Any) -> QuerySet[HostGroup]:
    rows: QuerySet[HostGroup] = HostGroup.objects.visible_to(user)
    return rows


def group_rows(user: Any) -> QuerySet[HostGroup]:
    """With `size`: how many hosts belong to it."""
    return visible_groups(user).annotate(size=Count("hosts"))


def names_of_groups(user: Any) -> str:
    """Those that the user has a role for: "North and South"; "" for all hosts."""
    if may(user, Right.SEE_EVERYTHING):
        return ""
    names = list(HostGroup.objects.filter(pk__in=groups_of(user)).order_by("name").values_list("name", flat=True))
    if len(names) > MOST_NAMES:
        return f"{len(names)} groups"
    return " and ".join(filter(None, (", ".join(map(isolated, names[:-1])), *map(isolated, names[-1:]))))


def site_of(host: Host) -> str:
    """In an admin's words; "" when there are none. Never the host's name. Read it with `select_related("group")`."""
    return host.group.site if host.group else ""


def groups_by_host() -> dict[int, set[int]]:
    return {pk: {group} - {None} for pk, group in Host.objects.values_list("pk", "group")}


def groups_by_guest(guests: Iterable[UUID]) -> dict[UUID, set[int]]:
    """Of the hosts that have these VMs, or had them. One that was forgotten is not in it."""
    found: dict[UUID, set[int]] = {}
    wanted = set(guests)
    rows = Sighting.objects.filter(guest__in=wanted).values_list("guest", "host__group") if wanted else ()
    for guest, group in rows:
        found.setdefault(guest, set()).update({group} - {None})
    return found
