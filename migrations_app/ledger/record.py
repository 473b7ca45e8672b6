"""What an owner writes beside the state: facts, notes, numbers."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from kvmweb.database import hurried, patiently
from kvmweb.journal import writer
from kvmweb.journal.models import Entry, EntryKind
from migrations_app.ledger.claims import HURRY_MS, PATIENCE_SECONDS, Claim, LostClaim
from migrations_app.models import Migration

log = logging.getLogger(__name__)


def update(held: Claim, **fields: Any) -> None:
    """Write facts of the record (not the state); open pages hear of new words. Retried; raises LostClaim."""

    @patiently(seconds=PATIENCE_SECONDS)
    @transaction.atomic
    def write() -> None:
        if Migration.objects.filter(pk=held.pk, epoch=held.epoch).update(**fields) != 1:
            raise LostClaim(f"migration {held.pk} has another owner")
        if "state_text" in fields:
            writer.signal(writer.migration_topic(held.pk))
        if "waiting" in fields:  # also where the VM stands, which no fragment shows: the page reads itself again
            writer.signal(writer.MIGRATIONS, migration=held.pk)

    write()


def note(held: Claim, text: str, **body: Any) -> None:
    """A sentence for the journal; a database error is logged and otherwise ignored."""
    try:
        writer.write(writer.migration_topic(held.pk), EntryKind.NOTE, text, body=body)
    except DatabaseError:
        log.warning("migration %s: could not write to the journal: %s", held.pk, text)


def note_once(held: Claim, text: str, **body: Any) -> None:
    """The same, unless the journal says so already."""
    try:
        if Entry.objects.filter(topic=writer.migration_topic(held.pk), text=text).exists():
            return
    except DatabaseError:
        return
    note(held, text, **body)


def tick(held: Claim, progress: dict[str, Any]) -> None:
    """One progress row: a short write, dropped when the database is busy. Raises LostClaim."""
    progress = {**progress, "owner": held.owner, "updated_at": timezone.now().isoformat()}
    try:
        with hurried(milliseconds=HURRY_MS), transaction.atomic():
            if Migration.objects.filter(pk=held.pk, epoch=held.epoch).update(progress=progress) != 1:
                raise LostClaim(f"migration {held.pk} has another owner")
            writer.write(writer.migration_topic(held.pk), EntryKind.PROGRESS, body=progress)
    except DatabaseError as error:
        log.info("migration %s: a progress row was dropped: %s", held.pk, error)
