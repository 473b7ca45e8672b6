"""Which roles a user has."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction

from kvmweb.accounts import record
from kvmweb.accounts.models import Grant
from kvmweb.accounts.roles import EVERYWHERE, fits


def set_roles(user: User, roles: Iterable[str], scope: str = EVERYWHERE) -> None:
    """The user has these roles for this scope, and no others there. Roles for other scopes stay. Whoever calls this
    tells the journal (record.py), in the same transaction."""
    wanted = set(roles)
    if not all(fits(role, scope) for role in wanted):
        raise ValueError(f"{', '.join(sorted(wanted))} cannot be given for {scope!r}")
    had = user.grants.filter(scope=scope)
    had.exclude(role__in=wanted).delete()
    missing = wanted - set(had.values_list("role", flat=True))
    Grant.objects.bulk_create([Grant(user=user, role=role, scope=scope) for role in sorted(missing)])


@transaction.atomic
def end_scope(scope: str, *, by: User, reason: str = "") -> None:
    """Before what the scope names is deleted: nobody has a role for it any more, and the journal says who had."""
    for user in User.objects.filter(grants__scope=scope).distinct():
        before = record.standing(user)
        set_roles(user, [], scope)
        record.changed(user, before, by=by, reason=reason)
