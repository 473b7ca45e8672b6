"""VMs that no host reports any more, and what forgetting them does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import User

    from hosts.models import Guest

CONSEQUENCE = (
    "The VM disappears from kvmweb's lists. Nothing changes on any host, and its past migrations stay. If a host "
    "reports the VM again, it is listed again."
)
CONSEQUENCE_OF_SEVERAL = (
    "These VMs disappear from kvmweb's lists. Nothing changes on any host, and their past migrations stay. A VM that "
    "a host reports again is listed again."
)


def why_kept(guest: Guest, *, held: bool) -> str:
    """Why the VM cannot be forgotten, a sentence; "" when it can. Its sightings have their hosts ready."""
    name, here = isolated(guest.name), guest.current_sighting()
    if held:
        return f"{name} is locked by a migration."
    if here is not None:
        return f"{name} is on {here.host}." if here.host.answers else _unknown(name, here.host.name)
    silent = [sighting.host.name for sighting in guest.sightings.all() if not sighting.host.answers]
    return _unknown(name, min(silent)) if silent else ""


def _unknown(name: str, host: str) -> str:
    return f"{host} is not reachable, so kvmweb cannot tell whether {name} is gone."


def forgotten(guest: Guest, by: User | None, *, days: int) -> str:
    """For the journal."""
    name = isolated(guest.name)
    if by is None:
        return f"{name} was gone for more than {days} day{'' if days == 1 else 's'}, so kvmweb forgot it."
    return f"{isolated(by.get_username())} told kvmweb to forget {name}, which was gone."


def answer(names: Sequence[str], kept: Sequence[str]) -> str:
    """For the person who asked."""
    if not names and not kept:
        return "Nothing to forget: these VMs are no longer listed."
    said = [f"{isolated(names[0])} is forgotten."] if len(names) == 1 else []
    said += [f"{len(names)} VMs are forgotten."] if len(names) > 1 else []
    said += kept[:3]
    said += [f"{len(kept) - 3} more were kept."] if len(kept) > 3 else []
    return " ".join(said)
