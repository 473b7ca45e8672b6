"""What is read once per request, however often the parts of its page ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrations_app.reading import movability
from migrations_app.reading.migrations import active_migrations

if TYPE_CHECKING:
    from django.http import HttpRequest

    from hosts.models import Guest
    from migrations_app.models import Migration


def moves(request: HttpRequest) -> list[Migration]:
    """The active migrations."""
    found: list[Migration] = _kept(request, "kvmweb_moves", lambda: active_migrations(request.user))
    return found


def move_of(request: HttpRequest, guest: Guest) -> Migration | None:
    """What a guest is doing now."""
    return next((move for move in moves(request) if move.guest_id == guest.pk), None)


def inventory(request: HttpRequest) -> movability.Inventory:
    """The hosts as destinations."""
    found: movability.Inventory = _kept(request, "kvmweb_inventory", lambda: movability.inventory(request.user))
    return found


def _kept(request: HttpRequest, name: str, read: Any) -> Any:
    if not hasattr(request, name):
        setattr(request, name, read())
    return getattr(request, name)
