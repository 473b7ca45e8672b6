"""VMs that are gone are removed from the lists, by a user or after some days. No host is asked or changed.

A forgotten VM has no sightings. Its row stays while migrations name it; a host that reports it again brings it back.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hosts.models import Guest, Host, Sighting
from hosts.reading.guests import gone
from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from migrations_app.models import Migration
from migrations_app.words import gone as words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import User

SWEEP_SECONDS = 3600.0
#: guests per transaction: the hosts' rows are locked meanwhile, and the watcher waits for them
BATCH = 100
#: the first time an hour after the start: what is stored of the hosts may be from before it
_swept = time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """Names of the forgotten VMs, and for each one that was kept a sentence that says why."""

    names: Sequence[str]
    kept: Sequence[str]


def forget_guests(uuids: Iterable[UUID], *, by: User, reason: str = "") -> Forgotten:
    """Those of these VMs that are gone. Raises PermissionDenied."""
    require(by, Right.FORGET)
    wanted = list(Guest.objects.visible_to(by).filter(pk__in=list(uuids)).prefetch_related("sightings__host"))
    for guest in wanted:
        require(by, Right.FORGET, guest)
    return _forget([guest.pk for guest in wanted], by=by, reason=reason)


def sweep() -> None:
    """The watcher's hook: forgets what has been gone for longer than the setting says."""
    global _swept
    if settings.KVMWEB.forget_days == 0 or time.monotonic() - _swept < SWEEP_SECONDS:
        return
    _swept = time.monotonic()
    last = timezone.now() - timedelta(days=settings.KVMWEB.forget_days)
    old = gone(Guest.objects.all()).exclude(sightings__gone_since__gte=last).values_list("pk", flat=True)
    pks = list(old)
    for start in range(0, len(pks), BATCH):
        _forget(pks[start : start + BATCH], by=None, reason="")
    _drop_unseen()


def _hold_hosts() -> None:
    """Until the end of the transaction the watcher stores no sighting."""
    list(Host.objects.select_for_update().order_by("pk"))


@transaction.atomic
def _drop_unseen() -> None:
    """What the removal of a host has left."""
    _hold_hosts()
    Guest.objects.filter(sightings=None, migrations=None).delete()


@transaction.atomic
def _forget(pks: Sequence[UUID], *, by: User | None, reason: str) -> Forgotten:
    _hold_hosts()
    held = set(Migration.objects.active().filter(guest__in=pks).values_list("guest_id", flat=True))
    guests = list(Guest.objects.filter(pk__in=pks).prefetch_related("sightings__host"))
    kept = {guest.pk: why for guest in guests if (why := words.why_kept(guest, held=guest.pk in held))}
    leaving = [guest for guest in guests if guest.pk not in kept]
    for guest in leaving:
        text = words.forgotten(guest, by, days=settings.KVMWEB.forget_days)
        writer.write(writer.guest_topic(str(guest.pk)), EntryKind.ACTION, text, actor=by, reason=reason)
    Sighting.objects.filter(guest__in=leaving).delete()
    Guest.objects.filter(pk__in=[guest.pk for guest in leaving], migrations=None).delete()
    if leaving:
        writer.signal(writer.INVENTORY, hosts=[], guests=[str(guest.pk) for guest in leaving])
    return Forgotten(names=[guest.name for guest in leaving], kept=list(kept.values()))
