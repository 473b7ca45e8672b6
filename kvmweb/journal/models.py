"""The journal: append-only rows that serve as log, audit, history graph and feed of live pages."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models


class EntryKind(models.TextChoices):
    STATE = "state", "State"  # a row changed its state; committed together with that change
    NOTE = "note", "Note"  # something kvmweb noticed
    ACTION = "action", "Action"  # something a user did, with name and reason
    PROGRESS = "progress", "Progress"  # numbers of a running migration; thinned after its end
    SIGNAL = "signal", "Signal"  # pages that show this topic should reload it; deleted after a while


class Entry(models.Model):
    """One thing that happened. `topic` is what it happened to: "migration:17", "host:3", "guest:UUID", "logins"."""

    topic = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=EntryKind.choices)
    text = models.TextField(blank=True)
    body = models.JSONField(default=dict, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_name = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "entries"
        indexes: ClassVar = [
            models.Index(fields=["topic", "id"], name="journal_topic"),  # one migration's journal, in order
            models.Index(fields=["kind", "created"], name="journal_sweep"),  # thinning progress, sweeping signals
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.kind}: {self.text}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("Journal entries are append-only.")
        super().save(*args, **kwargs)
