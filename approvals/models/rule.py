"""Which plans need approval, and whose."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from approvals.domain.rules import Conditions
from hosts.models import Guest
from kvmweb.accounts.models import Team


class Rule(models.Model):
    """All conditions that are set must hold. A plan that several rules match needs the approval of each."""

    name = models.CharField(max_length=100, unique=True)
    # conditions; None and "" mean any
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    guest = models.ForeignKey(Guest, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, blank=True)
    #: hours of the day "08:00-18:00" in `time_zone`, "" for always; a range may pass midnight
    hours = models.CharField(max_length=11, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    #: a forecast downtime of at least this; one that is not known counts as longer
    downtime_ms = models.PositiveIntegerField(null=True, blank=True)
    # who must approve
    role = models.CharField(max_length=10)
    quorum = models.PositiveSmallIntegerField(default=1)
    expires_hours = models.PositiveSmallIntegerField(default=72)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def conditions(self) -> Conditions:
        return Conditions(
            team=self.team_id,
            guest=str(self.guest_id) if self.guest_id else None,
            kind=self.kind,
            hours=self.hours,
            time_zone=self.time_zone,
            downtime_ms=self.downtime_ms,
        )


class FourEyes(models.Model):
    """One row, made when an admin first changes it: whether a second admin must agree. Both are off by default."""

    unsafe = models.BooleanField(default=False)
    closing = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "four eyes"

    def __str__(self) -> str:
        return "four eyes"
