"""A user wants a rollback copy deleted: a worker asks the hosts and deletes it. What is known refuses at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from hosts.models import Guest, Host, Sighting
from kvmweb.accounts.permissions import Right, require
from kvmweb.queue import enqueue
from kvmweb.web.plain import bare, isolated
from migrations_app import ledger
from migrations_app.models import CopyState, RollbackCopy
from migrations_app.usecases.errors import CopyStays, RequestRefused

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def delete_copy(copy: RollbackCopy, *, by: User, confirm: str, reason: str = "") -> RollbackCopy:
    """Raises PermissionDenied, RequestRefused (`confirm` is not the VM's name), CopyStays."""
    require(by, Right.DELETE_COPIES, copy)
    if bare(isolated(confirm)) != bare(isolated(copy.guest_name)):  # typed, or copied from a page
        raise RequestRefused("confirm", "Confirm the deletion with the exact name of the VM.")
    if copy.state != CopyState.PRESENT:
        raise CopyStays(copy, f"This rollback copy is {copy.state}.")
    if why := _known_use(copy):
        raise CopyStays(copy, why)
    with transaction.atomic():
        if not ledger.ask_deletion(copy.pk, by=by, reason=reason):
            copy.refresh_from_db()
            raise CopyStays(copy, f"This rollback copy is {copy.state}.")
        enqueue("migrations_app.tasks.delete_copy", copy.pk)
    copy.refresh_from_db()
    return copy


def _known_use(copy: RollbackCopy) -> str:
    """What the watcher saw last: no host is asked here. "" when that forbids nothing."""
    for host in Host.objects.order_by("name"):
        if not host.answers:
            return f"{host.name} is not reachable: kvmweb cannot tell whether a VM there uses {copy.path}."
    here = Sighting.objects.filter(host=copy.host_id, gone_since=None).values("guest")
    for guest in Guest.objects.filter(pk__in=here).only("name", "disks"):
        if any(disk.get("path") == copy.path for disk in guest.disks):
            return f"{isolated(guest.name)} on {copy.host} uses {copy.path}."
    return ""
