"""What the path between two hosts carries, by a probe stream that a user asked for."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from hosts.models import Host, VisibleQuerySet

#: an older result counts for nothing
COUNTS = timedelta(days=1)
#: a worker begins within seconds; and the stream takes seconds, unless the hosts are slow to answer
PATIENCE = timedelta(seconds=60)
#: a worker that has not ended by then was killed
LEASE = timedelta(minutes=3)


def running() -> Q:
    """Where a worker may still answer."""
    now = timezone.now()
    begins = Q(leased_until=None, asked_at__gt=now - PATIENCE)
    return Q(ended_at=None) & (begins | Q(leased_until__gt=now))


class PathRate(models.Model):
    """One row per way from a source to a destination: the last result, and the last wish for one."""

    source = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    target = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    #: the migration address that was asked about
    address = models.CharField(max_length=253)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField()
    #: grows with each wish: what a worker found out for an older one hits no row
    epoch = models.PositiveIntegerField(default=1)
    #: by the worker that has it; none begins again what another one had
    leased_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    #: why there is no new result
    error = models.TextField(blank=True)
    #: bytes per second
    bps = models.FloatField(null=True)
    #: of `bps`, and to which address the stream went
    measured_at = models.DateTimeField(null=True)
    measured_address = models.CharField(max_length=253, blank=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "target"], name="one_path_rate_per_pair")]

    def __str__(self) -> str:
        return f"path from {self.source} to {self.target}"

    @staticmethod
    def in_groups(groups: Collection[int]) -> Q:
        """Both hosts are named."""
        return Q(source__group__in=groups) & Q(target__group__in=groups)

    @property
    def open(self) -> bool:
        """Whether a worker may still answer."""
        return self.ended_at is None and timezone.now() < (self.leased_until or self.asked_at + PATIENCE)

    @property
    def counts(self) -> bool:
        """Whether there is a result, of less than a day."""
        return self.measured_at is not None and timezone.now() - self.measured_at < COUNTS
