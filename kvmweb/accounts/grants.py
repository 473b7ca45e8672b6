"""Which roles a user has. Whoever calls this tells the journal (record.py), in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kvmweb.accounts.models import Grant
from kvmweb.accounts.roles import EVERYWHERE, fits

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def set_roles(user: User, roles: Iterable[str], scope: str = EVERYWHERE) -> None:
    """The user has these roles for this scope, and no others there. Roles for other scopes stay."""
    wanted = set(roles)
    if not all(fits(role, scope) for role in wanted):
        raise ValueError(f"{', '.join(sorted(wanted))} cannot be given for {scope!r}")
    had = user.grants.filter(scope=scope)
    had.exclude(role__in=wanted).delete()
    missing = wanted - set(had.values_list("role", flat=True))
    Grant.objects.bulk_create([Grant(user=user, role=role, scope=scope) for role in sorted(missing)])
