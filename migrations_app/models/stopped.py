"""The part of a migration's row about a VM that is shut down for it."""

from __future__ import annotations

from django.db import models


class Stopped(models.Model):
    #: when it was asked to shut down, written before it was
    shutdown_asked_at = models.DateTimeField(null=True)
    #: when it was first seen shut off since
    off_since = models.DateTimeField(null=True)

    class Meta:
        abstract = True
