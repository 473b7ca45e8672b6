"""What was found out about a VM after its migration was done. Only `arrival` changes then."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from kvmweb.database import patiently
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.queue import enqueue
from migrations_app.domain.arrival import Found, Result
from migrations_app.domain.lifecycle import State
from migrations_app.ledger.claims import PATIENCE_SECONDS
from migrations_app.models import Migration


def examine_later(pk: int) -> None:
    """In the transaction of the caller."""
    enqueue("migrations_app.tasks.examine", pk)


@patiently(seconds=PATIENCE_SECONDS)
@transaction.atomic
def keep_arrival(pk: int, found: Iterable[Found]) -> None:
    """The last one to test counts. A failed test is told in the journal."""
    rows = [one.as_json() for one in found]
    if Migration.objects.filter(pk=pk, state=State.DONE).update(arrival=rows) != 1:
        return
    for row in rows:
        if row["result"] == Result.FAILED:
            writer.write(writer.migration_topic(pk), EntryKind.NOTE, f"After the migration: {row['text']}")
    writer.signal(writer.migration_topic(pk))
    writer.signal(writer.MIGRATIONS, migration=pk)


def tell_arrival(pk: int, text: str) -> None:
    """What a worker did to the VM on a user's request."""
    writer.write(writer.migration_topic(pk), EntryKind.NOTE, text)
