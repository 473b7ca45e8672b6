"""Policies, where they are set, what they decided, and what the journal says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from hosts.models import Guest, Host
from kvmweb.journal import writer
from kvmweb.journal.models import Entry
from migrations_app.models import Decision, Migration, Policy, PolicyChoice
from migrations_app.words import policies as words

MOST_ENTRIES = 20


def policies(user: Any) -> QuerySet[Policy]:
    rows: QuerySet[Policy] = Policy.objects.visible_to(user)
    return rows


def policy_named(user: Any, name: str) -> Policy | None:
    return policies(user).filter(name=name).first()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    policy: Policy
    does: str
    numbers: str
    #: where it is set, a sentence; "" where it is not
    used: str


def policy_rows(user: Any) -> list[PolicyRow]:
    """For the page of all of them."""
    used: dict[int, list[PolicyChoice]] = {}
    for choice in choices(user):
        used.setdefault(choice.policy_id, []).append(choice)
    return [
        PolicyRow(
            policy=row,
            does=words.does(row.data),
            numbers=words.numbers(row.data),
            used=words.used_for(used.get(row.pk, ())),
        )
        for row in policies(user)
    ]


def choices(user: Any) -> QuerySet[PolicyChoice]:
    """Of the installation, and of hosts and VMs that this user may see."""
    seen = Q(host=None) | Q(host__in=Host.objects.visible_to(user))
    seen &= Q(guest=None) | Q(guest__in=Guest.objects.visible_to(user))
    rows = PolicyChoice.objects.filter(seen, policy__in=policies(user))
    return rows.select_related("policy", "host", "guest")


def in_effect(*, guest: Guest | None = None, source: Host | None = None) -> PolicyChoice:
    return PolicyChoice.objects.in_effect(guest=guest, source=source)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedPolicy:
    """`name` is "" for the one that is set."""

    name: str
    label: str
    does: str


def offered_policies(user: Any, guest: Guest, source: Host | None) -> list[OfferedPolicy]:
    """For a migration of this VM: the one that is set first."""
    choice = in_effect(guest=guest, source=source)
    first = OfferedPolicy(name="", label=words.as_set(choice), does=words.does(choice.policy.data))
    rows = (OfferedPolicy(name=row.name, label=row.name, does=words.does(row.data)) for row in policies(user))
    return [first, *rows]


def journal() -> list[Entry]:
    """What was changed last, newest first."""
    return list(Entry.objects.filter(topic=writer.POLICIES).order_by("-id")[:MOST_ENTRIES])


def decisions_of(migration: Migration) -> QuerySet[Decision]:
    rows: QuerySet[Decision] = migration.decisions.all()
    return rows
