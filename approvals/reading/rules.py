"""The rules, whether four eyes are on, and what the journal has about both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from approvals.models import BrokenGlass, FourEyes, Rule
from hosts.models import Guest
from kvmweb.accounts.models import Team
from kvmweb.accounts.permissions import Right, may
from kvmweb.journal import writer
from kvmweb.journal.models import Entry

MOST_ENTRIES = 10
#: how long admins are told that somebody did not wait for a second one
TOLD = timedelta(hours=24)


def rules() -> QuerySet[Rule]:
    return Rule.objects.select_related("team", "guest")


def four_eyes() -> FourEyes:
    return FourEyes.objects.order_by("pk").first() or FourEyes()


def journal() -> Sequence[Entry]:
    return list(Entry.objects.filter(topic=writer.APPROVALS).order_by("-id")[:MOST_ENTRIES])


def broken_glasses(user: Any) -> Sequence[BrokenGlass]:
    """For admins: those of the last 24 hours."""
    if not may(user, Right.MANAGE_APPROVALS):
        return []
    return list(BrokenGlass.objects.filter(at__gt=timezone.now() - TOLD))


def team_choices() -> list[tuple[int, str]]:
    return list(Team.objects.order_by("name").values_list("pk", "name"))


def guest_called(text: str) -> list[UUID]:
    """Those with exactly this name, or this UUID."""
    try:
        wanted = Q(pk=UUID(text))
    except ValueError:
        wanted = Q(name=text)
    return list(Guest.objects.filter(wanted).values_list("pk", flat=True)[:2])
