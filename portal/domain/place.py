"""Chooses the host for a team's wish, by what is stored: no host is asked. Pure and deterministic.

The sentences about hosts are for operators; `Placement.text` is for the team and names none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from portal.domain.states import Wish

NO_HOST = "No other host can take this VM now."
NOT_NOW = "This VM cannot migrate now."
NO_HOST_AT_SITE = "No host of this site can take this VM now."
NO_STORAGE = "No host that can take this VM has this storage now."
#: a migration in flight makes a host as much worse as half of its memory in use
_BUSY = 0.5
_GIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class VM:
    """`here` is the host that has it, None when none does. `held`: why it cannot migrate at all, "" when nothing is
    known. `needs_kib`: memory that a host must have free, 0 for one that is shut off."""

    here: int | None
    held: str = ""
    needs_kib: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A host as last seen. `against`: what was seen that prevents it; each continues a sentence that begins with its
    name. `coming_kib`: the memory of VMs that are migrating to it. `pools`: names of its active storage pools."""

    host: int
    name: str
    site: str = ""
    against: Sequence[str] = ()
    memory_free_kib: int = 0
    memory_total_kib: int = 0
    coming_kib: int = 0
    in_flight: int = 0
    pools: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`value`: a site, or the name of the pools. `before`: the host that was chosen before, and `tried`: those that the
    preflight check has refused since, with its words."""

    wish: Wish
    value: str = ""
    before: int | None = None
    tried: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The highest score of those that fit is chosen, and of equal ones the first by name."""

    host: int
    name: str
    fits: bool
    why: str
    score: float

    def as_json(self) -> dict[str, Any]:
        return {"host": self.name, "fits": self.fits, "why": self.why, "score": self.score}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """`chosen` None: `text` says so to the team. `explanations`: the best first."""

    chosen: int | None
    explanations: Sequence[Explanation]
    text: str = ""


def place(vm: VM, candidates: Iterable[Candidate], wanted: Wanted) -> Placement:
    judged = [_judge(vm, one, wanted) for one in candidates]
    judged.sort(key=lambda one: (not one.fits, -one.score, one.name, one.host))
    chosen = judged[0].host if judged and judged[0].fits else None
    return Placement(chosen=chosen, explanations=judged, text="" if chosen is not None else _nobody(vm, wanted))


def _nobody(vm: VM, wanted: Wanted) -> str:
    if vm.here is None or vm.held:
        return NOT_NOW
    return {Wish.AWAY: NO_HOST, Wish.SITE: NO_HOST_AT_SITE, Wish.STORAGE: NO_STORAGE}[wanted.wish]


def _judge(vm: VM, one: Candidate, wanted: Wanted) -> Explanation:
    left = one.memory_free_kib - one.coming_kib - (vm.needs_kib if one.host != vm.here else 0)
    if why := _why_not(vm, one, wanted, left):
        return Explanation(host=one.host, name=one.name, fits=False, why=why, score=0.0)
    score = left / max(one.memory_total_kib, one.memory_free_kib, 1) - _BUSY * one.in_flight
    why = f"{one.name} has {left / _GIB:.1f} GiB of memory free afterwards, and {_migrations(one.in_flight)} now."
    if one.host == vm.here:
        score, why = score + 1000.0, f"{one.name} has the VM and the pool {wanted.value}: only disks are copied."
    if one.host == wanted.before:
        score, why = score + 100.0, f"{why} It was chosen before."
    return Explanation(host=one.host, name=one.name, fits=True, why=why, score=round(score, 4))


def _why_not(vm: VM, one: Candidate, wanted: Wanted, left: int) -> str:
    """A sentence; "" when it fits."""
    stays = wanted.wish is Wish.STORAGE and one.host == vm.here
    if vm.here is None or vm.held:
        return vm.held or "No host reports this VM."
    if one.host == vm.here and not stays:
        return f"{one.name} has the VM now."
    if one.against:
        return f"{one.name} {', '.join(one.against)}."
    if wanted.wish is Wish.SITE and one.site != wanted.value:
        return f"{one.name} is not at the site {wanted.value}."
    if wanted.wish is Wish.STORAGE and wanted.value not in one.pools:
        return f"{one.name} has no active pool {wanted.value}."
    if left < 0 and not stays:
        return f"{one.name} has too little memory free beside what is migrating to it."
    if said := wanted.tried.get(one.host):
        return f"The preflight check for {one.name} found: {said}"
    return ""


def _migrations(count: int) -> str:
    return "no migration" if not count else "1 migration" if count == 1 else f"{count} migrations"
