"""What a migration left at its source: a disk that was copied, and is still there."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from hosts.models import Host, VisibleQuerySet
from migrations_app.models.migration import Migration


class CopyState(StrEnum):
    PRESENT = "present"
    #: a user wants it deleted; a worker asks the hosts, and deletes it
    DELETING = "deleting"
    DELETED = "deleted"
    #: it was not there any more when kvmweb wanted to delete it
    GONE = "gone"


class Verification(StrEnum):
    """How the new disk was compared with the one that stays."""

    #: the VM ran: virtual size and format are equal, and libvirt reported the copy as complete
    MIRROR = "mirror"
    #: the VM was shut off: the content of both is the same
    CHECKSUMS = "checksums"


class RollbackCopy(models.Model):
    """One disk of one migration. The row stays when the disk is deleted."""

    migration = models.ForeignKey(Migration, on_delete=models.PROTECT, related_name="rollback_copies")
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+")
    guest_name = models.CharField(max_length=512)
    disk = models.CharField(max_length=100)
    #: "" when no active pool of the host showed the disk; kvmweb deletes volumes only
    pool = models.CharField(max_length=512, blank=True)
    volume = models.CharField(max_length=512, blank=True)
    path = models.TextField()
    format = models.CharField(max_length=32, blank=True)
    #: bytes: the size that the VM saw, and what the disk used when the migration began; None when not known
    size = models.PositiveBigIntegerField(null=True)
    allocated = models.PositiveBigIntegerField(null=True)
    #: hosts.facts.storage.VolumeIdentity at the end of the migration, {} when the host did not tell it
    identity = models.JSONField(default=dict)
    verification = models.CharField(max_length=20, choices=[(how.value, how.value) for how in Verification])
    created_at = models.DateTimeField()

    state = models.CharField(
        max_length=10, choices=[(state.value, state.value) for state in CopyState], default=CopyState.PRESENT
    )
    #: why it was not deleted, or what became of it: a sentence for a user
    state_text = models.TextField(blank=True)
    state_since = models.DateTimeField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_by_name = models.CharField(max_length=150, blank=True)
    #: grows with every request to delete it, and every worker that takes it: a write with an old one hits no row
    epoch = models.PositiveIntegerField(default=0)
    #: until when the worker that took it has it for itself
    leased_until = models.DateTimeField(null=True)
    #: libvirt was asked to delete it, or is about to be
    delete_called = models.BooleanField(default=False)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["migration", "disk"], name="one_rollback_copy_per_disk"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state"], condition=models.Q(state="deleting"), name="rollback_copy_deleting")
        ]

    def __str__(self) -> str:
        return f"disk {self.disk} of {self.guest_name} on {self.host}"

    @staticmethod
    def in_groups(groups: Collection[int]) -> Q:
        return Q(host__group__in=groups)
