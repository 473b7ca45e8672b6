"""What pages and live fragments read. A fixed number of queries per page, however many guests there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import (
    Case,
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
    Window,
)
from django.db.models.functions import Cast, RowNumber

from hosts.facts.guest import INACTIVE
from hosts.models import IN_MIGRATION, Guest, Host, Sighting
from hosts.usecases.pages import copies, host_rows
from kvmweb.journal import writer
from kvmweb.journal.models import Entry
from kvmweb.journal.models import Kind as EntryKind
from migrations_app.domain.lifecycle import IN_FLIGHT, TERMINAL, State
from migrations_app.models import Migration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

SEGMENTS = 12
OUTCOMES = 6
MOST_SAMPLES = 600
BESIDE = 7


def active_migrations(user: Any) -> list[Migration]:
    rows = Migration.objects.visible_to(user).active().shown()
    return list(rows.defer("source_xml", "findings").order_by("requested_at"))


# --- VMs ----------------------------------------------------------------------------------------------------------


def _here() -> QuerySet[Sighting]:
    """The sighting that tells where a guest is, see Guest.current_sighting."""
    rank = Case(
        When(state__in=INACTIVE, then=Value(2)),
        When(**IN_MIGRATION, then=Value(1)),
        default=Value(0),
        output_field=IntegerField(),
    )
    return Sighting.objects.filter(guest=OuterRef("pk"), gone_since=None).order_by(rank, "-seen_at")


def guest_rows(user: Any) -> QuerySet[Guest]:
    """Guests with `here` (host name), `here_id`, `run_state`, and their sightings with hosts ready."""
    rows: QuerySet[Guest] = (
        Guest.objects.visible_to(user)
        .annotate(
            here=Subquery(_here().values("host__name")[:1]),
            here_id=Subquery(_here().values("host_id")[:1]),
            run_state=Subquery(_here().values("state")[:1]),
            run_seen=Subquery(_here().values("seen_at")[:1]),
        )
        .prefetch_related(Prefetch("sightings", queryset=Sighting.objects.select_related("host")))
    )
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestPage:
    guest: Guest
    here: Sighting | None
    sightings: Sequence[Sighting]
    moving: Migration | None
    history: Sequence[Migration]


def guest_page(user: Any, uuid: UUID) -> GuestPage | None:
    guest = (
        Guest.objects.visible_to(user)
        .prefetch_related(Prefetch("sightings", queryset=Sighting.objects.select_related("host")))
        .filter(pk=uuid)
        .first()
    )
    if guest is None:
        return None
    history = list(Migration.objects.visible_to(user).filter(guest=guest).shown().defer("source_xml", "findings")[:20])
    return GuestPage(
        guest=guest,
        here=guest.current_sighting(),
        sightings=sorted(guest.sightings.all(), key=lambda s: (s.gone_since is not None, not s.active, s.host.name)),
        moving=next((migration for migration in history if not migration.terminal), None),
        history=history,
    )


# --- dashboard ----------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Segment:
    """A part of a host's memory bar. `x` and `width` in percent of the bar, written with a dot."""

    x: str
    width: str
    name: str
    memory_kib: int
    kind: str  # guest, leaving, arriving, rest
    guest: UUID | None = None
    #: as much of the name as fits into the part on a wide screen
    label: str = ""


@dataclass(slots=True, kw_only=True)
class HostBar:
    host: Host
    segments: list[Segment] = field(default_factory=list)

    @property
    def cpu_width(self) -> str:
        """vCPUs of the running guests against the host's CPUs, at most the whole bar."""
        return f"{min(100, 100 * self.host.promised_cpus / max(1, self.host.cpus)):.2f}%"  # type: ignore[attr-defined]

    @property
    def overcommitted(self) -> bool:
        return bool(self.host.promised_kib > self.host.memory_total_kib > 0)  # type: ignore[attr-defined]


def host_bars(user: Any, moving: Sequence[Migration]) -> list[HostBar]:
    """Each host with its largest running guests, drawn to the scale of its memory, and those on their way to it."""
    bars = {host.pk: HostBar(host=host) for host in host_rows(user)}
    rank = Window(
        RowNumber(), partition_by=[F("host_id")], order_by=[F("guest__memory_kib").desc(), F("guest__name").asc()]
    )
    rows = (
        Sighting.objects.filter(gone_since=None, host__in=bars)
        .exclude(Q(state__in=INACTIVE) | Q(pk__in=copies()))
        .annotate(rank=rank)
        .filter(rank__lte=SEGMENTS)
        .order_by("host_id", "rank")
        .values_list("host_id", "guest_id", "guest__name", "guest__memory_kib")
    )
    on: dict[int, list[tuple[UUID | None, str, int, str]]] = {pk: [] for pk in bars}
    leaving = {migration.guest_id for migration in moving if migration.state in IN_FLIGHT}
    for host_pk, guest, name, memory in rows:
        on[host_pk].append((guest, name, memory, "leaving" if guest in leaving else "guest"))
    memory_of = dict(Guest.objects.filter(pk__in=leaving).values_list("pk", "memory_kib")) if leaving else {}
    for pk, bar in bars.items():
        rest = bar.host.promised_kib - sum(memory for _, _, memory, _ in on[pk])  # type: ignore[attr-defined]
        more = bar.host.running - len(on[pk])  # type: ignore[attr-defined]
        if more > 0:
            on[pk].append((None, f"{more} more VMs", rest, "rest"))
        present = {guest for guest, _, _, _ in on[pk]}
        for migration in moving:
            if migration.target_id == pk and migration.state in IN_FLIGHT and migration.guest_id not in present:
                on[pk].append(
                    (migration.guest_id, migration.guest_name, memory_of.get(migration.guest_id, 0), "arriving")
                )
        _lay_out(bar, on[pk])
    return list(bars.values())


def _lay_out(bar: HostBar, parts: list[tuple[UUID | None, str, int, str]]) -> None:
    total = max(bar.host.memory_total_kib, sum(memory for _, _, memory, _ in parts), 1)
    x = 0.0
    for guest, name, memory, kind in parts:
        width = 100 * memory / total
        bar.segments.append(
            Segment(
                x=f"{x:.2f}%",
                width=f"{max(width - 0.2, 0.2):.2f}%",
                name=name,
                memory_kib=memory,
                kind=kind,
                guest=guest,
                label=_fitting(name, width),
            )
        )
        x += width


def _fitting(name: str, width: float) -> str:
    """The bar is some 800 pixels wide, a letter 7, and there are 12 beside the text."""
    room = int((width * 8 - 12) / 7)
    if len(name) <= room:
        return name
    return f"{name[: room - 1]}…" if room >= 4 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """A host whose running guests would not fit into the free memory of the other hosts that answer."""

    host: Host
    needed_kib: int
    free_kib: int


def shortages(bars: Sequence[HostBar]) -> list[Shortage]:
    """By memory alone: as a whole, and the largest guest into one host."""
    able = [bar.host for bar in bars if bar.host.answers]
    found = []
    for bar in bars:
        others = [host.memory_free_kib for host in able if host.pk != bar.host.pk]
        needed = bar.host.promised_kib  # type: ignore[attr-defined]
        largest = max((part.memory_kib for part in bar.segments if part.kind in ("guest", "leaving")), default=0)
        if bar.host.answers and (needed > sum(others) or largest > max(others, default=0)):
            found.append(Shortage(host=bar.host, needed_kib=needed, free_kib=sum(others)))
    return found


def last_outcomes(user: Any) -> list[Migration]:
    rows = Migration.objects.visible_to(user).filter(state__in=TERMINAL).select_related("source", "target")
    return list(rows.defer("source_xml", "findings").order_by("-finished_at", "-id")[:OUTCOMES])


# --- migrations ---------------------------------------------------------------------------------------------------


def migration_rows(user: Any) -> QuerySet[Migration]:
    return Migration.objects.visible_to(user).select_related("source", "target").defer("source_xml", "findings")


def migration_of(user: Any, pk: int) -> Migration | None:
    rows = Migration.objects.visible_to(user).shown().select_related("guest").defer("source_xml")
    return rows.filter(pk=pk).first()


def moves_beside(user: Any, migration: Migration) -> list[Migration]:
    """A move that is done, and the newest others of its kind between the same two hosts; [] without others."""
    if migration.state != State.DONE:
        return []
    rows = migration_rows(user).filter(
        source=migration.source_id, target=migration.target_id, kind=migration.kind, state=State.DONE
    )
    others = list(rows.exclude(pk=migration.pk)[:BESIDE])
    return [migration, *others] if others else []


def sighting_of(migration: Migration) -> Sighting | None:
    """Where the migration's guest was seen last."""
    guest: Guest = Guest.objects.prefetch_related("sightings__host").get(pk=migration.guest_id)
    return guest.current_sighting()


def journal_of(migration: Migration) -> list[Entry]:
    """What happened, oldest first, without the numbers."""
    rows = Entry.objects.filter(topic=writer.migration_topic(migration.pk))
    return list(rows.exclude(kind__in=(EntryKind.PROGRESS, EntryKind.SIGNAL)).order_by("id"))


def record_of(migration: Migration) -> list[Entry]:
    """Everything that was written down about it, with the numbers."""
    rows = Entry.objects.filter(topic=writer.migration_topic(migration.pk)).exclude(kind=EntryKind.SIGNAL)
    return list(rows.order_by("id"))


def states_of(entries: Sequence[Entry]) -> list[str]:
    return [entry.body["state"] for entry in entries if entry.kind == EntryKind.STATE and "state" in entry.body]


def samples_of(migration: Migration) -> list[list[float | None]]:
    """Columns for the graph: unix seconds, memory rate and dirty rate in bytes per second. Thinned evenly."""
    rows = list(
        Entry.objects.filter(topic=writer.migration_topic(migration.pk), kind=EntryKind.PROGRESS)
        .order_by("id")
        .values_list("created", "body")
    )
    step = max(1, -(-len(rows) // MOST_SAMPLES))
    columns: list[list[float | None]] = [[], [], []]
    for created, body in rows[::step]:
        columns[0].append(round(created.timestamp(), 3))
        columns[1].append(body.get("rate_bps"))
        columns[2].append(body.get("dirty_bps"))
    return columns


def found(rows: QuerySet[Guest], words: str) -> QuerySet[Guest]:
    """Guests whose name, title, UUID, host or MAC address contains every word."""
    rows = rows.alias(nics_text=Cast("nics", TextField()))
    for word in words.split()[:8]:
        rows = rows.filter(
            Q(name__icontains=word) | Q(title__icontains=word) | Q(pk__icontains=word) | Q(here__icontains=word)
            | Q(nics_text__icontains=word)
        )  # fmt: skip
    return rows
