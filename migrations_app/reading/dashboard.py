"""The dashboard: hosts as bars of memory, which could not be emptied, the last outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber

from hosts.facts.guest import INACTIVE
from hosts.models import Guest, Host, Sighting
from hosts.reading.hosts import copies, host_rows
from migrations_app.domain.lifecycle import IN_FLIGHT, TERMINAL
from migrations_app.models import Migration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

SEGMENTS = 12
OUTCOMES = 6


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
        return f"{min(100, 100 * self.host.assigned_cpus / max(1, self.host.cpus)):.2f}%"  # type: ignore[attr-defined]

    @property
    def overcommitted(self) -> bool:
        return bool(self.host.assigned_kib > self.host.memory_total_kib > 0)  # type: ignore[attr-defined]


def host_bars(user: Any, moving: Sequence[Migration]) -> list[HostBar]:
    """Each host with its largest running guests, to the scale of its memory, and those that migrate to it."""
    moving = [migration for migration in moving if not migration.kind_row.same_host]
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
        rest = bar.host.assigned_kib - sum(memory for _, _, memory, _ in on[pk])  # type: ignore[attr-defined]
        more = bar.host.running - len(on[pk])  # type: ignore[attr-defined]
        if more > 0:
            on[pk].append((None, f"{more} more VM{'s' if more > 1 else ''}", rest, "rest"))
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
    """A host whose running guests would not fit into the free memory of the other connected hosts."""

    host: Host
    needed_kib: int
    free_kib: int


def shortages(bars: Sequence[HostBar]) -> list[Shortage]:
    """By memory alone: as a whole, and the largest guest into one host."""
    able = [bar.host for bar in bars if bar.host.answers]
    found = []
    for bar in bars:
        others = [host.memory_free_kib for host in able if host.pk != bar.host.pk]
        needed = bar.host.assigned_kib  # type: ignore[attr-defined]
        largest = max((part.memory_kib for part in bar.segments if part.kind in ("guest", "leaving")), default=0)
        if bar.host.answers and (needed > sum(others) or largest > max(others, default=0)):
            found.append(Shortage(host=bar.host, needed_kib=needed, free_kib=sum(others)))
    return found


def last_outcomes(user: Any) -> list[Migration]:
    rows = Migration.objects.visible_to(user).filter(state__in=TERMINAL).select_related("source", "target")
    return list(rows.light("findings").order_by("-finished_at", "-id")[:OUTCOMES])
