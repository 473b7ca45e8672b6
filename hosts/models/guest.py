"""Guests, and on which hosts they were seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Exists, OuterRef, Q

from hosts.facts.guest import INACTIVE, RunState
from hosts.models.host import Host, VisibleQuerySet

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime


class Guest(models.Model):
    """A virtual machine as last seen, keyed by its UUID. Where it is: its sightings."""

    uuid = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=512)
    title = models.CharField(max_length=512, blank=True)
    virt_type = models.CharField(max_length=20, blank=True)
    arch = models.CharField(max_length=32, blank=True)
    machine = models.CharField(max_length=100, blank=True)
    cpu = models.CharField(max_length=200, blank=True)
    memory_kib = models.PositiveBigIntegerField(default=0)
    vcpus = models.PositiveIntegerField(default=0)
    #: lists of flat dicts, fields of hosts.facts.guest.Disk and Nic
    disks = models.JSONField(default=list)
    nics = models.JSONField(default=list)
    host_devices = models.JSONField(default=list)
    #: the team that its definition names; whether that counts is decided elsewhere (kvmweb/accounts/claims.py)
    team_named = models.CharField(max_length=100, blank=True, default="")
    first_seen = models.DateTimeField(auto_now_add=True)
    #: when a host last told the definition above; None while only the name is known
    details_seen_at = models.DateTimeField(null=True, blank=True)

    team_key: ClassVar = "pk"
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "uuid"]

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def in_groups(groups: Collection[int]) -> Q:
        """Those that a host of these groups has; of those that no host has, those that one of them had."""
        seen = Sighting.objects.filter(guest=OuterRef("pk"))
        there = seen.filter(host__group__in=groups)
        return Q(Exists(there.filter(gone_since=None))) | (Q(Exists(there)) & ~Q(Exists(seen.filter(gone_since=None))))

    @property
    def touched(self) -> tuple[models.Model]:
        """Who does something with it needs the right for the host where it is, or was last."""
        there = self.current_sighting() or self.last_sighting()
        return (there.host if there else self,)

    def current_sighting(self) -> Sighting | None:
        """Where the guest is, as far as we know: where it runs, else where a migration holds it, else where it is
        defined; None when no host has it. The list of VMs asks the database the same (guest_rows)."""
        here = [sighting for sighting in self.sightings.all() if sighting.gone_since is None]
        here.sort(key=lambda sighting: (not sighting.active, sighting.may_arrive, -sighting.seen_at.timestamp()))
        return here[0] if here else None

    def last_sighting(self) -> Sighting | None:
        """Of a guest that is gone: where it was last; None when it is somewhere, or was forgotten."""
        left = {sighting.gone_since: sighting for sighting in self.sightings.all()}
        times = [since for since in left if since is not None]
        return left[max(times)] if times and len(times) == len(left) else None


#: a paused guest with one of these reasons is half of a running migration: what arrives, or what is being left
_HALF = ("migration", "post-copy", "post-copy failed")
#: what arrives may be seen a moment earlier: libvirt starts it like any other guest
MAY_ARRIVE = {"state": RunState.PAUSED, "reason__in": (*_HALF, "starting up")}


class Sighting(models.Model):
    """A guest seen on a host. When it is gone from there the row stays, with `gone_since`, until it is forgotten."""

    guest = models.ForeignKey(Guest, on_delete=models.CASCADE, related_name="sightings")
    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="sightings")
    state = models.CharField(max_length=20, choices=[(s.value, s.value) for s in RunState])
    reason = models.CharField(max_length=60, blank=True)
    persistent = models.BooleanField(null=True)
    autostart = models.BooleanField(null=True)
    managed_save = models.BooleanField(null=True)
    snapshots = models.PositiveIntegerField(null=True)
    #: when the host last told these four
    details_seen_at = models.DateTimeField(null=True, blank=True)
    #: CPU time used, in percent of all the guest's vCPUs, between the last two readings; None: not known
    cpu_percent = models.FloatField(null=True, blank=True)
    memory_used_kib = models.PositiveBigIntegerField(null=True, blank=True)
    #: its balloon driver told the memory in use; else it is QEMU's resident memory
    memory_by_guest = models.BooleanField(default=False)
    #: [{"mac", "address"}] as the host's libvirt networks lent them; `address_key` sorts by the first
    addresses = models.JSONField(default=list)
    address_key = models.CharField(max_length=33, blank=True)
    #: when the host last said so
    seen_at = models.DateTimeField()
    state_since = models.DateTimeField()
    #: set when the host answered and no longer had it
    gone_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["guest", "host"], name="sighting_once")]
        indexes: ClassVar = [models.Index(fields=["host", "gone_since"], name="sighting_of_host")]

    def __str__(self) -> str:
        return f"{self.guest} on {self.host}: {self.state}"

    @property
    def active(self) -> bool:
        return self.state not in INACTIVE

    @property
    def measured(self) -> bool:
        """Whether its numbers are true now: it runs, and its host is connected."""
        return self.active and self.host.answers

    @property
    def in_migration(self) -> bool:
        return self.state == RunState.PAUSED and self.reason in _HALF

    @property
    def may_arrive(self) -> bool:
        """Where it is, this is not, if it is active on another host."""
        return self.state == RunState.PAUSED and self.reason in MAY_ARRIVE["reason__in"]

    @property
    def stale_since(self) -> datetime | None:
        """When the host was last heard, if it is not reachable now: what we show is as old as that."""
        return None if self.host.answers else self.seen_at
