"""Sentences about rollback copies."""

from __future__ import annotations

from django.conf import settings

from kvmweb.ui.badge import Badge
from migrations_app.models import CopyState, RollbackCopy, Verification

COPY_BADGES: dict[CopyState, Badge] = {
    CopyState.PRESENT: Badge("Present", "blue", "database"),
    CopyState.DELETING: Badge("Deleting", "amber", "clock"),
    CopyState.DELETED: Badge("Deleted", "grey", "trash"),
    CopyState.GONE: Badge("Gone", "grey", "question-mark"),
}

VERIFIED: dict[Verification, str] = {
    Verification.MIRROR: (
        "The new disk was created with the same virtual size, and libvirt completed the copy. The content was not"
        " compared."
    ),
    Verification.CHECKSUMS: "The checksums of both disks are equal.",
}


def copy_badge(copy: RollbackCopy) -> Badge:
    return COPY_BADGES[CopyState(copy.state)]


def how_verified(copy: RollbackCopy) -> str:
    return VERIFIED[Verification(copy.verification)]


def reminder(count: int) -> str:
    """ "" without old copies."""
    if not count:
        return ""
    days = settings.KVMWEB.rollback_reminder_days
    many = "1 rollback copy is" if count == 1 else f"{count} rollback copies are"
    return f"{many} older than {days} day{'s' if days > 1 else ''}. kvmweb deletes none of them by itself."
