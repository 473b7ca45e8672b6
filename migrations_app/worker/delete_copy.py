"""A worker deletes a rollback copy, after all hosts have said that no VM uses it. Nothing else is ever deleted here."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from hosts import gateway
from hosts.facts.storage import VolumeIdentity
from hosts.gateway.port import GatewayError, HostConnection
from hosts.words.contact import unreachable
from kvmweb.queue import enqueue
from kvmweb.web.plain import isolated
from migrations_app import ledger
from migrations_app.ledger import LostClaim
from migrations_app.models import CopyState, Migration, RollbackCopy
from migrations_app.worker.facts.users_of import Connect, why_used

log = logging.getLogger(__name__)
#: a deletion that nobody has is given to a worker again after so long
AGAIN_SECONDS = 10.0
_asked: dict[int, float] = {}


def delete_copy(pk: int, *, connect: Connect = gateway.connect) -> None:
    """A second delivery does nothing. A worker that was killed is followed by another one, which asks everything
    again."""
    copy = ledger.take_deletion(pk)
    if copy is None:
        return
    try:
        new, text = _delete(copy, connect)
        ledger.end_deletion(copy, new, text)
    except LostClaim:
        log.info("rollback copy %s: another worker has it", pk)
    except Exception:
        log.exception("rollback copy %s: the worker failed", pk)
        why = "The deletion stopped because of an internal error; kvmweb's log has the details."
        ledger.end_deletion(copy, CopyState.PRESENT, why)


def _delete(copy: RollbackCopy, connect: Connect) -> tuple[CopyState, str]:
    """What is true then, and a sentence about it."""
    # size and format alone are the same for many files
    if not copy.pool or not (copy.identity.get("file") or copy.identity.get("modified")):
        return _refused(copy, "kvmweb could not write down which volume it is. Delete it on the host.")
    if Migration.objects.active().filter(guest=copy.migration.guest_id).exists():
        return _refused(copy, f"{isolated(copy.guest_name)} is migrating.")
    if reasons := why_used(copy, connect=connect):
        return _refused(copy, " ".join(reasons))
    try:
        connection = connect(copy.host.endpoint, deadline=settings.KVMWEB.host_deadline_seconds)
    except GatewayError as error:
        return _refused(copy, unreachable(copy.host, error.message)[0])
    try:
        return _delete_volume(copy, connection)
    except GatewayError as error:
        return _refused(copy, f"{copy.host}: {error.message}")
    finally:
        connection.close()


def _delete_volume(copy: RollbackCopy, connection: HostConnection) -> tuple[CopyState, str]:
    """Raises GatewayError."""
    if copy.host.host_uuid and str(copy.host.host_uuid) != connection.identity().uuid:
        return _refused(copy, f"Another machine answers at the address of {copy.host}.")
    now, listed = _now(copy, connection), connection.volume_named(copy.pool, copy.volume)
    if now is None:
        return _gone(copy)
    copy.delete_called = False  # whatever an earlier worker asked for: it is there
    if listed is None or listed.path != copy.path:
        return _refused(copy, f"Volume {copy.volume} of pool {copy.pool} has another path now.")
    if now != VolumeIdentity(**copy.identity):
        return _refused(copy, "It was changed or replaced after the migration.")
    ledger.note_deletion(copy)
    error = ""
    try:
        connection.delete_volume(copy.pool, copy.volume)
    except GatewayError as failed:
        error = failed.message
    if _now(copy, connection) is None:
        return _gone(copy)
    copy.delete_called = False
    return _refused(copy, f"libvirt did not delete it: {error}" if error else "It is still there.")


def _now(copy: RollbackCopy, connection: HostConnection) -> VolumeIdentity | None:
    return connection.volume_identity(copy.pool, copy.volume, copy.path)


def _refused(copy: RollbackCopy, why: str) -> tuple[CopyState, str]:
    """Once libvirt was asked, only the host can tell whether the file is still there."""
    if copy.delete_called:
        asked = f"kvmweb asked libvirt on {copy.host} to delete the rollback copy {copy.path}"
        return CopyState.PRESENT, f"{asked}, and cannot tell whether it did. {why} Delete it again to find out."
    return CopyState.PRESENT, f"The rollback copy {copy.path} on {copy.host} was not deleted. {why}"


def _gone(copy: RollbackCopy) -> tuple[CopyState, str]:
    if copy.delete_called:
        return CopyState.DELETED, f"The rollback copy {copy.path} on {copy.host} was deleted."
    return (
        CopyState.GONE,
        f"The rollback copy {copy.path} is no longer on {copy.host}. kvmweb did not see who deleted it.",
    )


def tick() -> None:
    """The watcher's hook: deletions that no worker has."""
    now: float = time.monotonic()
    free: Any = Q(leased_until=None) | Q(leased_until__lt=timezone.now())
    waiting = set(RollbackCopy.objects.filter(free, state=CopyState.DELETING).values_list("pk", flat=True))
    for pk in set(_asked) - waiting:
        del _asked[pk]
    for pk in waiting:
        if now - _asked.setdefault(pk, now) >= AGAIN_SECONDS:
            _asked[pk] = now
            with transaction.atomic():
                enqueue("migrations_app.tasks.delete_copy", pk)
