"""The search in the top bar: VMs, hosts and migrations that this user may see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from hosts.models import Host
from kvmweb.web.page import number
from kvmweb.web.plain import bare
from migrations_app.reading.guests import guest_rows, listed, matching
from migrations_app.reading.migrations import migration_rows

if TYPE_CHECKING:
    from hosts.models import Guest
    from migrations_app.models import Migration

MOST_GUESTS = 6
MOST_OTHERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """The first ones of each kind; `more_guests`: there are more VMs than these."""

    guests: list[Guest] = field(default_factory=list)
    more_guests: bool = False
    hosts: list[Host] = field(default_factory=list)
    migrations: list[Migration] = field(default_factory=list)

    @property
    def only(self) -> Guest | Host | Migration | None:
        """The only VM or host found; if there is none, the only migration."""
        found: list[Guest | Host | Migration] = [*self.guests, *self.hosts] or [*self.migrations]
        return found[0] if len(found) == 1 else None

    @property
    def all(self) -> list[Guest | Host | Migration]:
        return [*self.guests, *self.hosts, *self.migrations]


def search(user: Any, text: str) -> Hits:
    """Every word has to be in a VM's name, title, UUID, host or MAC address, or in a host's name. Migrations are found
    by their number and by the name of their VM."""
    words = bare(text).split()[:8]
    if not words:
        return Hits()
    guests = list(matching(listed(guest_rows(user), gone_only=None), text).order_by("name", "pk")[: MOST_GUESTS + 1])
    hosts, migrations = Host.objects.visible_to(user), migration_rows(user)
    of_guest = Q()
    for word in words:
        hosts = hosts.filter(Q(name__icontains=word) | Q(hostname__icontains=word) | Q(address__icontains=word))
        of_guest &= Q(guest_name__icontains=word)
    called = number(words[0].removeprefix("#")) if len(words) == 1 else 0
    return Hits(
        guests=guests[:MOST_GUESTS],
        more_guests=len(guests) > MOST_GUESTS,
        hosts=list(hosts.order_by("name")[:MOST_OTHERS]),
        migrations=list(migrations.filter(of_guest | Q(pk=called)).order_by("-id")[:MOST_OTHERS]),
    )
