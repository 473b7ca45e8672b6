"""Where guests can be on a host: pools with their volumes, networks, bridges."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from django.db import models
from django.db.models import Q

from hosts.models.host import Host


class StoragePool(models.Model):
    """Sizes in bytes. `source` is what makes two pools the same storage: host:dir, device or name, as one text."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="pools")
    name = models.CharField(max_length=255)
    uuid = models.UUIDField()
    type = models.CharField(max_length=20)
    target_path = models.CharField(max_length=4096, blank=True)
    source = models.TextField(blank=True)
    active = models.BooleanField()
    autostart = models.BooleanField()
    capacity = models.PositiveBigIntegerField()
    allocation = models.PositiveBigIntegerField()
    available = models.PositiveBigIntegerField()
    seen_at = models.DateTimeField()
    #: set when the host answered and no longer had it
    gone_since = models.DateTimeField(null=True, blank=True)
    volumes_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["host", "name"], name="pool_once_per_host")]

    def __str__(self) -> str:
        return f"{self.name} on {self.host}"

    @staticmethod
    def in_groups(groups: Collection[int]) -> Q:
        return Q(host__group__in=groups)


class Volume(models.Model):
    """Read on demand. Sizes in bytes."""

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="volumes")
    name = models.CharField(max_length=255)
    path = models.CharField(max_length=4096)
    format = models.CharField(max_length=20, blank=True)
    capacity = models.PositiveBigIntegerField()
    allocation = models.PositiveBigIntegerField()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["pool", "name"], name="volume_once_per_pool")]

    def __str__(self) -> str:
        return self.path


class Network(models.Model):
    """A virtual network of libvirt."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="networks")
    name = models.CharField(max_length=255)
    uuid = models.UUIDField()
    bridge = models.CharField(max_length=64, blank=True)
    forward = models.CharField(max_length=20, blank=True)
    active = models.BooleanField()
    autostart = models.BooleanField()
    seen_at = models.DateTimeField()
    gone_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["host", "name"], name="network_once_per_host")]

    def __str__(self) -> str:
        return f"{self.name} on {self.host}"


class Bridge(models.Model):
    """A bridge of the host itself, such as br1."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="bridges")
    name = models.CharField(max_length=64)
    active = models.BooleanField()
    seen_at = models.DateTimeField()
    gone_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["host", "name"], name="bridge_once_per_host")]

    def __str__(self) -> str:
        return f"{self.name} on {self.host}"
