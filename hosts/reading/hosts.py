"""Hosts and what is on them. A fixed number of queries, however many hosts and guests there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from hosts.facts.guest import INACTIVE
from hosts.models import MAY_ARRIVE, Errand, Guest, Host, Introduction, Network, Sighting, StoragePool, Volume
from hosts.reading.veil import veil_for
from kvmweb.journal.models import Entry, EntryKind
from kvmweb.journal.writer import host_topic

if TYPE_CHECKING:
    from collections.abc import Sequence

#: more rows than this make no page better; the VMs list, filtered by the host, has all of them
MOST_GUESTS = 100
MOST_VOLUMES = 500

_HERE = Q(sightings__gone_since=None)
_ACTIVE = _HERE & ~Q(sightings__state__in=INACTIVE)


def visible_hosts(user: Any) -> QuerySet[Host]:
    rows: QuerySet[Host] = Host.objects.visible_to(user)
    return rows


def visible_pools(user: Any) -> QuerySet[StoragePool]:
    return StoragePool.objects.select_related("host").filter(host__in=visible_hosts(user))


def own_introduction(user: Any, pk: int | None) -> Introduction | None:
    """A tried connection; a user sees only their own."""
    return Introduction.objects.filter(pk=pk, asked_by=user.pk).first() if pk is not None else None


def copies() -> list[int]:
    """Sightings of what is still on its way: the other half of a guest that is somewhere else. Not counted, not drawn;
    a guest that a failed migration has left paused is where it is."""
    moving = Guest.objects.filter(pk__in=Sighting.objects.filter(gone_since=None, **MAY_ARRIVE).values("guest"))
    found = []
    for guest in moving.prefetch_related("sightings"):
        here = guest.current_sighting()
        found += [half.pk for half in guest.sightings.all() if half.may_arrive and half != here]
    return found


def host_rows(user: Any) -> QuerySet[Host]:
    """Every host with `guests`, `running` and `assigned_kib` (memory of the running guests)."""
    active = _ACTIVE & ~Q(sightings__pk__in=copies())
    rows: QuerySet[Host] = (
        visible_hosts(user)
        .annotate(
            guests=Count("sightings", filter=_HERE & Q(sightings__pk__isnull=False)),
            running=Count("sightings", filter=active & Q(sightings__pk__isnull=False)),
            assigned_kib=Sum("sightings__guest__memory_kib", filter=active, default=0),
            assigned_cpus=Sum("sightings__guest__vcpus", filter=active, default=0),
        )
        .order_by("name")
    )
    return rows


def unwell(user: Any) -> list[Host]:
    """Hosts that need a user, and connected ones that were not read for long, for the alarm strip."""
    bad = (Host.Contact.AWAY, Host.Contact.DENIED, Host.Contact.REFUSED, Host.Contact.CONFIRM)
    overdue = timezone.now() - timedelta(seconds=3 * settings.KVMWEB.refresh_seconds + 30)
    unread = Q(contact=Host.Contact.ANSWERS, seen_at__lt=overdue)
    hosts = visible_hosts(user).filter(Q(contact__in=bad) | unread).order_by("name")
    shown = hosts.only("name", "contact", "contact_text", "contact_since", "seen_at")
    return [_veiled(user, host) for host in shown]


def _veiled(user: Any, host: Host) -> Host:
    """What is said of its connection may name the host that is the same machine. It is not for saving."""
    veil = veil_for(user, host.pk)
    for name in {"contact_text", "contact_details"} - host.get_deferred_fields():
        setattr(host, name, veil(getattr(host, name)))
    return host


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPage:
    host: Host
    sightings: Sequence[Sighting]
    more_guests: int
    pools: Sequence[StoragePool]
    networks: Sequence[Network]
    bridges: Sequence[Any]
    #: a refresh that the watcher has not served yet
    waiting: Errand | None
    running: int
    assigned_kib: int
    #: newest first
    journal: Sequence[Entry]


def host_page(user: Any, host: Host) -> HostPage:
    veil = veil_for(user, host.pk)
    journal = list(Entry.objects.filter(topic=host_topic(host.pk)).exclude(kind=EntryKind.SIGNAL).order_by("-id")[:20])
    for entry in journal:
        entry.text, entry.reason = veil(entry.text), veil(entry.reason)
    here = Sighting.objects.filter(host=host, gone_since=None)
    totals = here.exclude(Q(state__in=INACTIVE) | Q(pk__in=copies())).aggregate(
        count=Count("pk"), memory=Sum("guest__memory_kib", default=0)
    )
    sightings = list(here.select_related("guest", "host").order_by("guest__name", "guest")[: MOST_GUESTS + 1])
    more = here.count() - MOST_GUESTS if len(sightings) > MOST_GUESTS else 0
    return HostPage(
        host=_veiled(user, host),
        sightings=sightings[:MOST_GUESTS],
        more_guests=more,
        pools=list(host.pools.all()),
        networks=list(host.networks.all()),
        bridges=list(host.bridges.all()),
        waiting=open_errand(host, Errand.What.REFRESH),
        running=totals["count"],
        assigned_kib=totals["memory"],
        journal=journal,
    )


def open_errand(host: Host, what: Errand.What, pool: str = "") -> Errand | None:
    return Errand.objects.filter(host=host, what=what, pool=pool, done=None).order_by("id").first()


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPage:
    pool: StoragePool
    volumes: Sequence[Volume]
    more_volumes: int
    waiting: Errand | None
    #: the error of the last listing, if it failed
    error: str


def pool_page(pool: StoragePool) -> PoolPage:
    last = Errand.objects.filter(host=pool.host, what=Errand.What.VOLUMES, pool=pool.name).order_by("-id").first()
    volumes = list(pool.volumes.all()[: MOST_VOLUMES + 1])
    return PoolPage(
        pool=pool,
        volumes=volumes[:MOST_VOLUMES],
        more_volumes=pool.volumes.count() - MOST_VOLUMES if len(volumes) > MOST_VOLUMES else 0,
        waiting=last if last and last.done is None else None,
        error=last.error if last and last.done else "",
    )
