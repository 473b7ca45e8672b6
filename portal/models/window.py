"""When migrations of the portal may run."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from kvmweb.accounts.models import Team


class Window(models.Model):
    """`rule` is an RRULE (RFC 5545) such as "FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=1;BYMINUTE=0"; each occurrence, in
    `time_zone`, is open for `minutes`. Without any window that applies to a team, its requests may run at any time."""

    name = models.CharField(max_length=100, unique=True)
    #: None: for all teams
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="windows")
    rule = models.CharField(max_length=300)
    time_zone = models.CharField(max_length=64, default="UTC")
    minutes = models.PositiveIntegerField()

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Blackout(models.Model):
    """Nothing of the portal starts between these times, whatever the windows say."""

    name = models.CharField(max_length=100)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="blackouts")
    begins = models.DateTimeField()
    ends = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["begins"]

    def __str__(self) -> str:
        return self.name
