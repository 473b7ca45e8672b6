"""What the journal and the log say about a host's contact: every change, unless it changes often.

Then the losses are counted, and a summary is written from time to time: a flapping host fills neither. Pages show the
row, which is always current.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from hosts.models import Host
from hosts.words import journal as words
from kvmweb.journal import writer
from kvmweb.journal.models import Entry, EntryKind

logger = logging.getLogger(__name__)

#: at most so many notes about one host within this time; later changes are counted until the last note is that old
MOST_NOTES = 4
WINDOW = timedelta(minutes=10)


def tell(host: Host, *, moved: bool) -> list[str]:
    """Called in the transaction of each look at a host, with `moved` when its contact has just changed.

    Returns the fields of the host to save.
    """
    if moved and not host.answers:
        host.contact_losses += 1
    if not host.contact_losses and host.contact_told == host.contact:
        return []
    now = timezone.now()
    notes = _latest_notes(host)
    recent = [note for note in notes if note.created > now - WINDOW]
    plain = host.contact_losses == (0 if host.answers else 1)
    if recent and (not plain or _counting(recent)):
        return ["contact_losses"] if moved else []
    body: dict[str, object] = {"contact": host.contact}
    if plain:
        text = words.contact(host)
        if len(recent) == MOST_NOTES - 1:
            text += f" {words.counted_from_now(WINDOW)}"
    else:
        body["losses"] = host.contact_losses
        text = words.losses(host, now - notes[0].created if notes else WINDOW)
    writer.write(writer.host_topic(host.pk), EntryKind.NOTE, text, body=body)
    transaction.on_commit(partial(logger.log, logging.INFO if plain and host.answers else logging.WARNING, "%s", text))
    host.contact_told, host.contact_losses = host.contact, 0
    return ["contact_told", "contact_losses"]


def _latest_notes(host: Host) -> list[Entry]:
    notes = Entry.objects.filter(topic=writer.host_topic(host.pk), kind=EntryKind.NOTE, body__has_key="contact")
    return list(notes.order_by("-id")[:MOST_NOTES])


def _counting(recent: Sequence[Entry]) -> bool:
    return len(recent) >= MOST_NOTES or any("losses" in note.body for note in recent)
