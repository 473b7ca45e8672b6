"""Forget a host. Nothing happens on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from hosts.models import Guest, Host, Sighting
from hosts.usecases.errors import HostRefused
from hosts.words import journal
from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def remove_host(host: Host, *, by: User, reason: str = "") -> None:
    """Raises HostRefused when history needs the host, PermissionDenied."""
    require(by, Right.MANAGE_HOSTS, host)
    pk, name = host.pk, host.name
    try:
        with transaction.atomic():
            text = journal.by(by, f"removed {name} from kvmweb")
            writer.write(writer.host_topic(pk), EntryKind.ACTION, text, actor=by, reason=reason)
            writer.signal(writer.INVENTORY, hosts=[pk], guests=[])
            # A VM that was here until now is gone from now on, not since it left the host before.
            here = Guest.objects.filter(sightings__host=host, sightings__gone_since=None)
            left = Sighting.objects.filter(guest__in=here).exclude(host=host).exclude(gone_since=None)
            left.update(gone_since=timezone.now())
            host.delete()
    except ProtectedError:
        raise HostRefused("", f"{name} cannot be removed: it is part of the migration history.") from None
