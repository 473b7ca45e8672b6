"""Policies, where they are set, and what they decided."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from hosts.models import Guest, Host
from migrations_app.models import Decision, Migration, Policy, PolicyChoice


def policies(user: Any) -> QuerySet[Policy]:
    rows: QuerySet[Policy] = Policy.objects.visible_to(user)
    return rows


def policy_named(user: Any, name: str) -> Policy | None:
    return policies(user).filter(name=name).first()


def choices(user: Any) -> QuerySet[PolicyChoice]:
    """Of the installation, and of hosts and VMs that this user may see."""
    seen = Q(host=None) | Q(host__in=Host.objects.visible_to(user))
    seen &= Q(guest=None) | Q(guest__in=Guest.objects.visible_to(user))
    rows = PolicyChoice.objects.filter(seen, policy__in=policies(user))
    return rows.select_related("policy", "host", "guest")


def decisions_of(migration: Migration) -> QuerySet[Decision]:
    rows: QuerySet[Decision] = migration.decisions.all()
    return rows
