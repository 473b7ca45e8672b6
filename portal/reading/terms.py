"""What a team wants for a VM, and which of operations' migrations wait for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from hosts.models import Guest
from kvmweb.accounts.models import Ownership
from kvmweb.accounts.permissions import Right, may, of_teams, teams_of
from kvmweb.accounts.roles import Role
from migrations_app.domain.lifecycle import NOT_STARTED
from portal.models import Delay

if TYPE_CHECKING:
    from django.db.models import QuerySet


def guest_seen(user: Any, uuid: UUID) -> Guest | None:
    """A VM that the user sees: of their teams, or any."""
    rows = Guest.objects.visible_to(user) | of_teams(Guest.objects.all(), user)
    found: Guest | None = rows.filter(pk=uuid).first()
    return found


def may_set_terms(user: Any, guest: Guest) -> bool:
    if may(user, Right.CHANGE_VMS, guest):
        return True
    return Ownership.objects.filter(guest=guest.pk, team__in=teams_of(user, {Role.LEAD})).exists()


def has_team(guest: Guest) -> bool:
    return Ownership.objects.filter(guest=guest.pk, team__isnull=False).exists()


def delays_of(guests: Iterable[UUID], now: datetime) -> QuerySet[Delay]:
    """Of migrations that wait for the team of their VM: at most one of each VM."""
    waiting = Delay.objects.filter(released_at=None, until__gt=now, migration__state__in=sorted(NOT_STARTED))
    return waiting.filter(migration__guest__in=list(guests))


def delay_of(guest: UUID, now: datetime) -> Delay | None:
    found: Delay | None = delays_of([guest], now).select_related("migration").first()
    return found
