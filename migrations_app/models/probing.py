"""Where VMs may be probed, and at which address."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from django.db import models
from django.db.models import Q

from hosts.models import Guest, VisibleQuerySet


class ProbeNetwork(models.Model):
    """A network that an admin named: no other address is ever probed."""

    cidr = models.CharField(max_length=50, unique=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.cidr

    @staticmethod
    def in_groups(groups: Collection[int]) -> Q:
        return Q()  # it belongs to no host


class ProbeAddress(models.Model):
    """The address of a VM that a user gave. Without one kvmweb takes what is reported."""

    guest = models.OneToOneField(Guest, on_delete=models.CASCADE, related_name="probe_address")
    address = models.CharField(max_length=45)

    def __str__(self) -> str:
        return f"{self.address} of {self.guest}"


class Arrived(models.Model):
    """The part of a migration's row about its VM as it is seen from outside, in the switchover and after it."""

    #: {"from", "address", "sent", "lost", "longest_ms"}; None: not measured, and why is in `felt_reason`
    felt = models.JSONField(null=True)
    #: also of one that was measured, when it is not all of the silence
    felt_reason = models.TextField(blank=True, default="")
    #: [{"test", "result", "text"}] of a migration that is done
    arrival = models.JSONField(default=list)
    #: how far the VM's clock was ahead of kvmweb's before the switchover; None: not known
    clock_before_ms = models.BigIntegerField(null=True)

    class Meta:
        abstract = True
