"""What migrations ask the portal before they begin, and what a new one means for the VM's team. In a transaction of
migrations; a gate writes nothing, because a migration that waits takes back what its transaction wrote."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from kvmweb.accounts.models import Ownership, Team
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated
from migrations_app.domain.gate import Gate, Go, Lane, Wait
from migrations_app.models import Migration
from portal.models import Delay, Request
from portal.reading.times import may_start, quiet_until, terms_of
from portal.usecases.tell import tell_team


def times_gate(migration: Migration) -> Gate:
    """Windows and terms may have changed since the request was planned."""
    if migration.lane != Lane.PORTAL:
        return Go()
    row = Request.objects.filter(migration=migration).select_related("team").first()
    if row is None:  # a migration that has been started again, before the request is told
        return Go()
    seen = row.forecast
    return may_start(row.team, migration.guest, timezone.now(), seen.get("high_ms"), seen.get("downtime_high_ms"))


def delay_gate(migration: Migration) -> Gate:
    delay = Delay.objects.filter(pk=migration.pk).first()
    if delay is None or delay.released_at is not None or delay.until <= timezone.now():
        return Go()
    text = f"Waiting for the VM's team until {delay.until:%Y-%m-%d %H:%M} UTC, or until the team lets it go."
    return Wait(text, delay.until)


def requested(migration: Migration, by: User, _: str) -> None:
    """Operations want a VM of a team: it is told, and may have asked for time to prepare. Only this once: what is
    started again instead of it does not wait again."""
    if migration.lane != Lane.OPERATIONS:
        return
    terms, now = terms_of(migration.guest), timezone.now()
    if until := quiet_until(terms, now):
        text = f"The VM's team does not want it disturbed until {until:%Y-%m-%d %H:%M} UTC."
        writer.write(migration.topic, EntryKind.NOTE, text)
    team = _team_of(migration)
    if team is None:
        return
    name, person = isolated(migration.guest_name), isolated(by.get_username())
    if migration.urgent:
        text = f"{person} is migrating {name} at once, because it is urgent: {isolated(migration.reason)}"
        tell_team(team, f"{name}: urgent migration", text)
    elif terms.veto_hours:
        until = now + timedelta(hours=terms.veto_hours)
        Delay.objects.create(migration=migration, until=until)
        when = f"{until:%Y-%m-%d %H:%M} UTC"
        text = f"{person} wants to migrate {name}. It waits until {when}, or until the team lets it go."
        tell_team(team, f"{name}: migration at {when}", text)


def _team_of(migration: Migration) -> Team | None:
    owner = Ownership.objects.select_related("team").filter(pk=migration.guest_id).first()
    return owner.team if owner is not None else None
