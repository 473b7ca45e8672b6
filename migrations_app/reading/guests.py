"""VMs: the rows of lists, what the page of one shows, what a search finds. A fixed number of queries, however many."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import (
    Case,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast

from hosts.facts.guest import INACTIVE
from hosts.models import MAY_ARRIVE, Guest, Host, Sighting
from hosts.reading import guests as hosts_reading
from hosts.reading.teams import owners_of
from kvmweb.accounts.permissions import Right, may
from kvmweb.web.plain import bare
from migrations_app.models import Migration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kvmweb.accounts.models import Team


#: what can be a part of a MAC or IP address
_ADDRESS_PART = re.compile(r"[0-9a-fA-F:.]+")


def _here() -> QuerySet[Sighting]:
    """The sighting that tells where a guest is, see Guest.current_sighting."""
    rank = Case(
        When(state__in=INACTIVE, then=Value(2)),
        When(**MAY_ARRIVE, then=Value(1)),
        default=Value(0),
        output_field=IntegerField(),
    )
    return Sighting.objects.filter(guest=OuterRef("pk"), gone_since=None).order_by(rank, "-seen_at")


def _measured(column: str) -> Subquery:
    """A number of what runs on a host that answers, see Sighting.measured; NULL for the others."""
    known = Q(host__contact=Host.Contact.ANSWERS) & ~Q(state__in=INACTIVE)
    return Subquery(_here().annotate(known=Case(When(known, then=F(column)))).values("known")[:1])


def _left() -> QuerySet[Sighting]:
    """Where a guest was, the last host first."""
    return Sighting.objects.filter(guest=OuterRef("pk")).exclude(gone_since=None).order_by("-gone_since")


def _migrating() -> QuerySet[Migration]:
    rows: QuerySet[Migration] = Migration.objects.active().filter(guest=OuterRef("pk"))
    return rows


def existing(rows: QuerySet[Guest]) -> QuerySet[Guest]:
    """Guests that a host has, or had when it was last heard, and those that are just migrating."""
    return rows.filter(Exists(_here()) | Exists(_migrating()))


def gone(rows: QuerySet[Guest]) -> QuerySet[Guest]:
    """Guests that no host reports any more. One that was forgotten is in neither."""
    return hosts_reading.gone(rows).exclude(Exists(_migrating()))


def gone_count(user: Any) -> int:
    return gone(Guest.objects.visible_to(user)).count()


def guest_rows(user: Any) -> QuerySet[Guest]:
    return placed(Guest.objects.visible_to(user))


def placed(rows: QuerySet[Guest]) -> QuerySet[Guest]:
    """Guests with `here` (host name), `here_id`, `here_site` (of that host's group), `run_state`, `left_at` (of one
    that is gone: since when), what it uses (`run_cpu`, `run_memory`), `run_address` to sort by; and with their
    sightings and hosts ready."""
    with_sightings: QuerySet[Guest] = rows.annotate(
        here=Subquery(_here().values("host__name")[:1]),
        here_id=Subquery(_here().values("host_id")[:1]),
        here_site=Subquery(_here().values("host__group__site")[:1]),
        run_cpu=_measured("cpu_percent"),
        run_memory=_measured("memory_used_kib"),
        run_address=Subquery(_here().exclude(state__in=INACTIVE).values("address_key")[:1]),
        run_state=Subquery(_here().values("state")[:1]),
        left_at=Subquery(_left().values("gone_since")[:1]),
    ).prefetch_related(Prefetch("sightings", queryset=Sighting.objects.select_related("host__group")))
    return with_sightings


def matching(rows: QuerySet[Guest], words: str) -> QuerySet[Guest]:
    """Guests whose name, title, UUID, host, MAC or IP address contains every word."""
    rows = rows.alias(
        nics_text=Cast("nics", TextField()),
        lent_text=Subquery(_here().annotate(lent=Cast("addresses", TextField())).values("lent")[:1]),
    )
    for word in bare(words).split()[:8]:
        found = Q(name__icontains=word) | Q(title__icontains=word) | Q(pk__icontains=word) | Q(here__icontains=word)
        if _ADDRESS_PART.fullmatch(word):  # other words would find the names of the columns' fields
            found |= Q(nics_text__icontains=word) | Q(lent_text__icontains=word)
        rows = rows.filter(found)
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestPage:
    guest: Guest
    here: Sighting | None
    #: of a guest that is gone: where it was last
    left: Sighting | None
    sightings: Sequence[Sighting]
    moving: Migration | None
    history: Sequence[Migration]
    team: Team | None

    @property
    def standing(self) -> str:
        """Which hosts have it, and in which state: another text when any of that changes."""
        return " ".join(f"{seen.host_id}:{seen.state}" for seen in self.sightings if seen.gone_since is None)


def guest_page(user: Any, uuid: UUID) -> GuestPage | None:
    guest = (
        Guest.objects.visible_to(user)
        .select_related("consent", "policy_choice__policy", "probe_address")
        .prefetch_related(Prefetch("sightings", queryset=Sighting.objects.select_related("host")))
        .filter(pk=uuid)
        .first()
    )
    if guest is None:
        return None
    history = list(Migration.objects.visible_to(user).filter(guest=guest).shown().light("findings")[:20])
    return GuestPage(
        guest=guest,
        here=guest.current_sighting(),
        left=guest.last_sighting(),
        sightings=sorted(guest.sightings.all(), key=lambda s: (s.gone_since is not None, not s.active, s.host.name)),
        moving=next((migration for migration in history if not migration.terminal), None),
        history=history,
        team=owners_of([guest]).get(guest.pk),
    )


def guests_seen(user: Any) -> QuerySet[Guest]:
    """Guests with their sightings, hosts, consents and policies ready."""
    rows: QuerySet[Guest] = Guest.objects.visible_to(user).prefetch_related("sightings__host")
    return rows.select_related("consent", "policy_choice__policy", "probe_address")


def listed(rows: QuerySet[Guest], *, gone_only: bool | None) -> QuerySet[Guest]:
    """All that were not forgotten (None), those that are gone (True), or those that are not (False)."""
    if gone_only is None:
        return hosts_reading.seen(rows)
    return gone(rows) if gone_only else existing(rows)


def operated_of(user: Any, guests: Iterable[Guest]) -> set[UUID]:
    """Those of them that the user operates."""
    return {guest.pk for guest in guests if may(user, Right.MOVE, guest)}


def is_seen(user: Any, uuid: UUID) -> bool:
    return bool(Guest.objects.visible_to(user).filter(pk=uuid).exists())


def on_host(rows: QuerySet[Guest], host: Host, *, gone_only: bool = False) -> QuerySet[Guest]:
    """Those the host has; with `gone_only` those it had."""
    sightings = Sighting.objects.filter(host=host, gone_since__isnull=not gone_only)
    return rows.filter(pk__in=sightings.values("guest"))


def called(rows: QuerySet[Guest], text: str) -> QuerySet[Guest]:
    """Guests with this in their name or title, or with this UUID."""
    wanted = Q(name__icontains=text) | Q(title__icontains=text)
    with suppress(ValueError):
        wanted |= Q(pk=UUID(text))
    return rows.filter(wanted)


def with_moves(user: Any, guests: Sequence[Guest]) -> Sequence[Guest]:
    """The same, each with `migration`, the number of its active migration, and `team`; or None."""
    owners = owners_of(guests)
    rows = Migration.objects.visible_to(user).active().filter(guest__in=guests)
    running = dict(rows.values_list("guest_id", "pk"))
    for guest in guests:
        guest.migration = running.get(guest.pk)  # type: ignore[attr-defined]
        guest.team = owners.get(guest.pk)  # type: ignore[attr-defined]
    return guests
