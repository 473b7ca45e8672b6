"""What a team wants for one of its VMs."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from hosts.models import Guest, VisibleQuerySet
from migrations_app.models import Migration


class Terms(models.Model):
    """Set by the team. They bind its own requests, and operators as far as said here."""

    guest = models.OneToOneField(Guest, primary_key=True, on_delete=models.CASCADE, related_name="terms")
    #: do not disturb: "08:00-18:00" each day in `time_zone`, "" never; a range may pass midnight. Requests of the team
    #: wait until it is over; operators are warned.
    quiet_hours = models.CharField(max_length=11, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    #: a request of the team does not start when more downtime is forecast; None: no limit
    downtime_ms = models.PositiveIntegerField(null=True, blank=True)
    #: an operator's migration that is not urgent waits so long for the team, once; 0: not at all
    veto_hours = models.PositiveSmallIntegerField(default=0)

    team_key: ClassVar = "guest"
    objects = VisibleQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "terms"

    def __str__(self) -> str:
        return f"terms of {self.guest}"

    @staticmethod
    def in_groups(groups: Collection[int]) -> Q:
        return Q(guest__in=Guest.objects.filter(Guest.in_groups(groups)))


class Delay(models.Model):
    """An operator's migration waits for the VM's team once: until then, or until somebody of the team lets it go."""

    migration = models.OneToOneField(Migration, primary_key=True, on_delete=models.PROTECT, related_name="delay")
    until = models.DateTimeField()
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    released_by_name = models.CharField(max_length=150, blank=True)
    released_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.migration} waits until {self.until}"
