"""What a team wants for one of its VMs, and that it lets an operator's migration go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from approvals.domain.rules import BadHours, is_zone, read_hours
from kvmweb.accounts.permissions import Denied, Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.queue import enqueue
from kvmweb.web.plain import isolated
from portal import ledger
from portal.models import Delay, Terms
from portal.reading.terms import delays_of, may_set_terms
from portal.reading.times import terms_of
from portal.usecases.ask import team_for
from portal.usecases.errors import AskRefused, NothingWaits
from portal.usecases.tell import tell_team

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from hosts.models import Guest

MOST_VETO_HOURS = 24
MOST_DOWNTIME_MS = 2**31 - 1
ONLY_LEADS = "Changing this requires to lead the VM's team, or the operator role."


@transaction.atomic
def set_terms(
    guest: Guest,
    *,
    by: User,
    quiet_hours: str = "",
    time_zone: str = "UTC",
    downtime_ms: int | None = None,
    veto_hours: int = 0,
    reason: str = "",
) -> Terms:
    """Of a VM that `by` sees. A migration that waits already waits no longer and no shorter. Raises PermissionDenied,
    AskRefused."""
    if not may_set_terms(by, guest):
        raise Denied(ONLY_LEADS, shown=True)
    wanted = {
        "quiet_hours": quiet_hours, "time_zone": time_zone, "downtime_ms": downtime_ms, "veto_hours": veto_hours,
    }  # fmt: skip
    _check(quiet_hours, time_zone, downtime_ms, veto_hours)
    before = terms_of(guest)
    if any(getattr(before, name) != value for name, value in wanted.items()):
        Terms.objects.update_or_create(guest=guest, defaults=wanted)
        text = f"{isolated(by.get_username())} set when {isolated(guest.name)} may migrate"
        topic = writer.guest_topic(str(guest.pk))
        writer.write(topic, EntryKind.ACTION, text, body=wanted, actor=by, reason=reason)
        ledger.wake_waiting(guest=guest)
    return terms_of(guest)


def _check(quiet_hours: str, time_zone: str, downtime_ms: int | None, veto_hours: int) -> None:
    try:
        if quiet_hours:
            read_hours(quiet_hours)
    except BadHours:
        raise AskRefused("quiet_hours", "Enter a range such as 08:00-18:00, or nothing.") from None
    if not is_zone(time_zone):
        raise AskRefused("time_zone", "Enter the name of a time zone, such as Europe/Berlin.")
    if downtime_ms is not None and not 0 <= downtime_ms <= MOST_DOWNTIME_MS:
        raise AskRefused("downtime_ms", "Enter a downtime in milliseconds, or nothing.")
    if not 0 <= veto_hours <= MOST_VETO_HOURS:
        raise AskRefused("veto_hours", f"Enter between 0 and {MOST_VETO_HOURS} hours.")


@transaction.atomic
def go_ahead(guest: Guest, *, by: User) -> Delay:
    """Somebody of the VM's team lets an operator's migration begin earlier. Raises PermissionDenied, NothingWaits."""
    require(by, Right.ASK)
    team, now = team_for(by, guest), timezone.now()
    delay: Delay | None = delays_of([guest.pk], now).select_for_update(of=("self",)).select_related("migration").first()
    if delay is None:
        raise NothingWaits
    delay.released_by, delay.released_by_name, delay.released_at = by, by.get_username(), now
    delay.save(update_fields=["released_by", "released_by_name", "released_at"])
    text = f"{isolated(by.get_username())} let the migration go: it does not wait for the VM's team any more."
    writer.write(delay.migration.topic, EntryKind.ACTION, text, actor=by)
    writer.signal(writer.MIGRATIONS, migration=delay.migration.pk)
    name = isolated(guest.name)
    tell_team(team, f"{name}: migration", f"{isolated(by.get_username())} let operations migrate {name} now.")
    enqueue("migrations_app.tasks.run_migration", delay.migration.pk, cluster="migrations")
    return delay
