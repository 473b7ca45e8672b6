"""Mails that people of teams get. A row is written with the change that it tells; sending comes later, in the
background."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class Notice(models.Model):
    """One mail to one person; names no host. Deleted after a month."""

    to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    #: topic of what it is about, "request:12"
    about = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    #: claimed by counting up
    attempts = models.PositiveSmallIntegerField(default=0)
    #: when to try; None: it was sent, or given up
    due_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["due_at"], name="notice_due")]

    def __str__(self) -> str:
        return f"to {self.to} about {self.about}"
