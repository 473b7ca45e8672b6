"""From a wish to a plan: a host that fits, and a method that the preflight check does not refuse there. Hosts are asked
by the preflight check alone; nothing is changed on them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db import transaction

from approvals.domain.plan import Plan, findings_of
from hosts.facts.guest import RunState
from hosts.models import Guest, StoragePool
from migrations_app.domain.disks import may_be_copied
from migrations_app.domain.kinds import Kind
from migrations_app.domain.preflight.check import Severity, Verdict
from migrations_app.domain.request import MigrationRequest, make_request
from migrations_app.models import Preflight
from migrations_app.reading.kinds import disk_of
from migrations_app.usecases.ask_preflight import record_preflight
from migrations_app.worker.run_preflight import Connect, run_preflight
from portal.domain.place import Placement, Wanted, place
from portal.domain.states import Wish
from portal.models import Request, Storage
from portal.reading.places import situation

if TYPE_CHECKING:
    from django.contrib.auth.models import User

#: after so long no other host is asked: a worker's task may take two minutes
MOST_SECONDS = 60.0
#: the method that copies disks, by whether the VM is active
_COPIES = {True: Kind.LIVE_STORAGE, False: Kind.OFFLINE_STORAGE}
#: they refuse to leave disks where they are: copying them may be possible
_DISKS_STAY = frozenset(("disks_reachable", "storage_shared"))
NO_DISKS = "All disks of this VM are on this storage already."
NO_STORAGE = "This storage is not offered any more."


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What would be done. `choice` as in Request.choice."""

    request: MigrationRequest
    plan: Plan
    forecast: dict[str, Any]
    choice: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPlan:
    """`text` is for the team."""

    text: str
    choice: list[dict[str, Any]]


def make_plan(row: Request, by: User, connect: Connect) -> Planned | NoPlan:
    guest = Guest.objects.prefetch_related("sightings__host").get(pk=row.guest_id)
    wanted = Wanted(wish=Wish(row.wish), value=row.value, before=row.plan.get("target"))
    if wanted.wish is Wish.STORAGE:
        storage = Storage.objects.filter(name=row.value).first()
        if storage is None:
            return NoPlan(text=NO_STORAGE, choice=[])
        wanted = replace(wanted, value=storage.pool)
        if not _elsewhere(guest, storage.pool):
            return NoPlan(text=NO_DISKS, choice=[])
    vm, candidates = situation(guest)
    until = time.monotonic() + MOST_SECONDS
    while True:
        found = place(vm, candidates, wanted)
        if found.chosen is None or time.monotonic() > until:
            return NoPlan(text=found.text or "The check took too long. Ask again later.", choice=_choice(found))
        checked, refused = _check(guest, found.chosen, wanted, by, connect)
        if checked is not None:
            return _planned(guest, checked, found)
        wanted = replace(wanted, tried={**wanted.tried, found.chosen: refused})


def _planned(guest: Guest, checked: Preflight, found: Placement) -> Planned:
    here = guest.current_sighting()
    request = checked.request
    return Planned(
        request=request,
        plan=Plan(
            guest=request.guest,
            kind=str(request.kind),
            options=request.options.as_json(),
            source=here.host_id if here else None,
            target=request.target,
            findings=findings_of(checked.findings),
        ),
        forecast=checked.forecast,
        choice=_choice(found),
    )


def _choice(found: Placement) -> list[dict[str, Any]]:
    return [one.as_json() for one in found.explanations]


def _check(guest: Guest, target: int, wanted: Wanted, by: User, connect: Connect) -> tuple[Preflight | None, str]:
    """The first method that is not refused there, or why each was."""
    refused = "no method of migration fits."
    for kind, options in _ways(guest, target, wanted):
        request = make_request(guest=str(guest.pk), target=target, kind=kind, options=options)
        with transaction.atomic():
            asked = record_preflight(by=by, request=request, guest=guest)
        run_preflight(asked.pk, connect=connect)
        asked.refresh_from_db()
        if asked.seen_at is not None and not asked.error and asked.verdict != Verdict.BLOCKED:
            return asked, ""
        blockers = [one for one in asked.findings if one["severity"] == Severity.BLOCKER]
        refused = asked.error or " ".join(one["summary"] for one in blockers) or "it did not end."
        if not _DISKS_STAY & {one["check"] for one in blockers}:
            break
    return None, refused


def _ways(guest: Guest, target: int, wanted: Wanted) -> Iterator[tuple[Kind, dict[str, Any]]]:
    """(method, options), the one to try first first."""
    here = guest.current_sighting()
    if here is None:
        return
    active = RunState(here.state).active
    if wanted.wish is Wish.STORAGE:
        disks = {disk: {"pool": wanted.value} for disk in _elsewhere(guest, wanted.value)}
        if target == here.host_id:
            yield Kind.STORAGE, {"disks": disks}
        else:
            yield _COPIES[active], {"copy_disks": sorted(disks), "disks": disks}
    else:
        yield Kind.LIVE if active else Kind.OFFLINE, {}
        yield _COPIES[active], {"copy_disks": True}


def _elsewhere(guest: Guest, pool: str) -> list[str]:
    """The disks that could be copied and, as far as the inventory tells, are not in this pool."""
    here = guest.current_sighting()
    there = StoragePool.objects.filter(host=here.host_id if here else None, name=pool, gone_since=None).first()
    folder = f"{there.target_path.rstrip('/')}/" if there is not None and there.target_path else ""
    return [
        disk["target"]
        for disk in guest.disks
        if disk.get("device") == "disk"
        and may_be_copied(disk_of(disk))
        and disk.get("pool") != pool
        and not (folder and str(disk.get("path", "")).startswith(folder))
    ]
