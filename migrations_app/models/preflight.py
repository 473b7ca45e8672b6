"""A preflight that a user asked for, and the lock of those who probe a guest."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from hosts.models import Guest, Host, VisibleQuerySet
from migrations_app.models.requested import Requested


class ProbeLock(models.Model):
    """The peer probe takes the guest's job in libvirt for a moment; whoever probes or starts a migration holds this."""

    guest = models.OneToOneField(Guest, primary_key=True, on_delete=models.CASCADE, related_name="+")
    holder = models.CharField(max_length=80, blank=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.guest} until {self.until}"


class Preflight(Requested, models.Model):
    """One preflight asked for by a user: a worker fills in the report, the page or the API waits for it.

    It is about a guest, or about a definition that no host needs to have, as if it ran on `source`.
    """

    guest = models.ForeignKey(Guest, null=True, on_delete=models.CASCADE, related_name="preflights")
    source = models.ForeignKey(Host, null=True, on_delete=models.CASCADE, related_name="+")
    #: domain XML without secrets; emptied with the answer
    definition = models.TextField(blank=True)
    target = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20)
    options = models.JSONField(default=dict)
    #: the name of the policy that was chosen, "" for the one that is set
    asked_policy = models.CharField(max_length=63, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked = models.DateTimeField(auto_now_add=True)
    #: set when the report is there; `seen_at` is when the hosts were looked at
    seen_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=10, blank=True)
    findings = models.JSONField(default=list)
    #: targets of the disks that a migration would copy; None: not known
    copied_disks = models.JSONField(null=True)
    #: see domain.forecast.measured; {} when nothing was
    measured = models.JSONField(default=dict)
    forecast = models.JSONField(default=dict)
    error = models.TextField(blank=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(guest=None) ^ models.Q(source=None), name="preflight_of_guest_or_definition"
            )
        ]

    def __str__(self) -> str:
        return f"preflight of {self.guest or 'a definition'} to {self.target}"

    @staticmethod
    def in_groups(groups: Collection[int]) -> Q:
        """What people of these groups could have asked themselves: the report names both hosts."""
        here = Q(guest__in=Guest.objects.filter(Guest.in_groups(groups))) | Q(source__group__in=groups)
        return here & Q(target__group__in=groups)

    @property
    def hosts(self) -> list[int]:
        """Those that it is about."""
        here = self.guest.current_sighting() if self.guest else None
        found = (self.target_id, self.source_id, here.host_id if here else None)
        return [pk for pk in found if pk is not None]

    @property
    def vm(self) -> Guest:
        """The guest it is about. Raises ValueError for one about a definition: no page shows it."""
        if self.guest is None:
            raise ValueError("this preflight is about a definition")
        return self.guest
