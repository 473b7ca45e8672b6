"""Where else a guest is: what the watcher saw last on hosts that have no part in its migration."""

from __future__ import annotations

from hosts.facts.guest import INACTIVE
from hosts.models import Sighting
from migrations_app.models import Migration


def elsewhere(migration: Migration) -> tuple[str, ...]:
    """Names of the other hosts on which the guest was active, as far as is known; a look at rows, no host is asked."""
    rows = Sighting.objects.filter(guest=migration.guest_id, gone_since=None).exclude(state__in=INACTIVE)
    others = rows.exclude(host__in=[migration.source_id, migration.target_id])
    return tuple(others.order_by("host__name").values_list("host__name", flat=True))
