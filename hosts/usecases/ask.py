"""Ask for something that talks to a host: the watcher or a worker does it, a row is the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.db import transaction

from hosts.models import Errand, Host, Introduction, StoragePool
from hosts.usecases.host_fields import HostFields, checked
from kvmweb.accounts.permissions import Right, require
from kvmweb.queue import enqueue

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def ask_refresh(host: Host, *, by: User) -> Errand:
    """Read the host again now, also when it is away. One that still waits is returned, not doubled."""
    require(by, Right.SEE, host)
    return _open_errand(host, Errand.What.REFRESH, "", by)


def ask_volumes(pool: StoragePool, *, by: User) -> Errand:
    """List the pool's volumes into `pool.volumes`."""
    require(by, Right.SEE, pool)
    return _open_errand(pool.host, Errand.What.VOLUMES, pool.name, by)


def ask_introduction(fields: dict[str, Any], *, by: User) -> Introduction:
    """Try to reach a host by these fields (those of register_host; the name may miss). Raises HostRefused."""
    require(by, Right.MANAGE_HOSTS)
    known = {key: fields[key] for key in HostFields.__annotations__ if key in fields}
    values = checked(cast("HostFields", known), named=False)
    with transaction.atomic():
        introduction = Introduction.objects.create(fields=values, asked_by=by)
        enqueue("hosts.tasks.introduce", introduction.pk)
    return introduction


def _open_errand(host: Host, what: Errand.What, pool: str, by: User) -> Errand:
    waiting = Errand.objects.filter(host=host, what=what, pool=pool, done__isnull=True).order_by("id").first()
    return waiting or Errand.objects.create(host=host, what=what, pool=pool, asked_by=by)
