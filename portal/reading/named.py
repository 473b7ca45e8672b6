"""Places by the names that admins gave them: all that people of teams read of where VMs and disks are."""

from __future__ import annotations

from hosts.models import Guest, HostGroup
from portal.models import Storage, Terms


def site_names(guest: Guest) -> list[str]:
    """Other sites than the one the VM is at."""
    here = guest.current_sighting()
    at = here.host.group.site if here and here.host.group else ""
    rows = HostGroup.objects.exclude(site__in=("", at)).order_by("site")
    return list(rows.values_list("site", flat=True).distinct())


def storage_names() -> list[str]:
    return list(Storage.objects.values_list("name", flat=True))


def zone_of(guest: Guest) -> str:
    """In which the team thinks of this VM."""
    terms = Terms.objects.filter(guest=guest).first()
    return terms.time_zone if terms else "UTC"
