"""Requests that need a host: the watcher or a worker carries them out, a row holds the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from hosts.models import Errand, Host, Introduction, StoragePool
from hosts.usecases.host_fields import HostFields, checked
from hosts.words import journal
from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.queue import enqueue
from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def ask_refresh(host: Host, *, by: User) -> Errand:
    """Read the host again now, even if it is not reachable. A request that still waits is returned, not doubled."""
    require(by, Right.REFRESH, host)
    return _open_errand(host, Errand.What.REFRESH, "", by, f"requested a refresh of {host}")


def ask_volumes(pool: StoragePool, *, by: User) -> Errand:
    """List the pool's volumes into `pool.volumes`."""
    require(by, Right.REFRESH, pool)
    text = f"requested the list of volumes of {isolated(pool.name)} on {pool.host}"
    return _open_errand(pool.host, Errand.What.VOLUMES, pool.name, by, text)


def ask_introduction(fields: HostFields, *, by: User) -> Introduction:
    """Try to reach a host by these fields; the name may miss. Raises HostRefused."""
    require(by, Right.MANAGE_HOSTS)
    values = checked(fields, named=False)
    with transaction.atomic():
        introduction = Introduction.objects.create(fields=values, asked_by=by)
        text = journal.by(by, f"tested the connection to {journal.door(values)}")
        writer.write(f"introduction:{introduction.pk}", EntryKind.ACTION, text, body=values, actor=by)
        enqueue("hosts.tasks.introduce", introduction.pk)
    return introduction


def _open_errand(host: Host, what: Errand.What, pool: str, by: User, did: str) -> Errand:
    """The journal names the first who asked; a second request while it waits changes nothing."""
    waiting = Errand.objects.filter(host=host, what=what, pool=pool, done__isnull=True).order_by("id").first()
    if waiting is not None:
        return waiting
    with transaction.atomic():
        writer.write(writer.host_topic(host.pk), EntryKind.ACTION, journal.by(by, did), actor=by)
        return Errand.objects.create(host=host, what=what, pool=pool, asked_by=by)
