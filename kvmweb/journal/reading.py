"""The journal, newest first, for those who may read all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from kvmweb.journal.models import Entry, EntryKind

if TYPE_CHECKING:
    from django.db.models import QuerySet


def entries(*, text: str = "", topic: str = "", actor: str = "") -> QuerySet[Entry]:
    """`topic`: "host:3", or "host" for all of them."""
    rows = Entry.objects.exclude(kind=EntryKind.SIGNAL).order_by("-id")
    if text:
        rows = rows.filter(Q(text__icontains=text) | Q(reason__icontains=text))
    if topic:
        rows = rows.filter(Q(topic=topic) | Q(topic__startswith=f"{topic}:"))
    return rows.filter(actor_name__icontains=actor) if actor else rows
