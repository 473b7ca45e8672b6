"""What the journal and the log say about a host's contact: every change, unless the host comes and goes.

Then the losses are counted and told from time to time, so that a flapping host fills neither. What pages show is the
row, which is true at once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from hosts.models import Host
from kvmweb.journal import writer
from kvmweb.journal.models import Entry, EntryKind

logger = logging.getLogger(__name__)

#: so many notes about one host within this time; what follows is counted, and told when the last note is as old
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
        text = _state(host)
        if len(recent) == MOST_NOTES - 1:
            text += f" It comes and goes: from now on that is counted and told every {_minutes(WINDOW)}."
    else:
        body["losses"] = host.contact_losses
        times = "once" if host.contact_losses == 1 else f"{host.contact_losses} times"
        since = now - notes[0].created if notes else WINDOW
        text = f"{host.name} was lost {times} in the last {_minutes(since)}. {_state(host)}"
    writer.write(writer.host_topic(host.pk), EntryKind.NOTE, text, body=body)
    transaction.on_commit(partial(logger.log, logging.INFO if plain and host.answers else logging.WARNING, "%s", text))
    host.contact_told, host.contact_losses = host.contact, 0
    return ["contact_told", "contact_losses"]


def _latest_notes(host: Host) -> list[Entry]:
    notes = Entry.objects.filter(topic=writer.host_topic(host.pk), kind=EntryKind.NOTE, body__has_key="contact")
    return list(notes.order_by("-id")[:MOST_NOTES])


def _counting(recent: Sequence[Entry]) -> bool:
    return len(recent) >= MOST_NOTES or any("losses" in note.body for note in recent)


def _state(host: Host) -> str:
    if host.answers:
        return f"{host.name} answers{' again' if host.seen_at else ''}."
    return f"{host.name}: {host.get_contact_display().lower()}. {host.contact_text}".strip()


def _minutes(time: timedelta) -> str:
    return f"{max(1, round(time.total_seconds() / 60))} minutes"
