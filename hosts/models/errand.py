"""What the watcher or a worker is asked to do with a host."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from hosts.models.host import Host


class Errand(models.Model):
    """Something the watcher (the only writer of facts) is asked to do: read a host again, list a pool's volumes."""

    class What(models.TextChoices):
        REFRESH = "refresh"
        VOLUMES = "volumes"

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="errands")
    what = models.CharField(max_length=10, choices=What.choices)
    pool = models.CharField(max_length=255, blank=True)
    asked = models.DateTimeField(auto_now_add=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    done = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["id"], condition=Q(done__isnull=True), name="errand_open")]

    def __str__(self) -> str:
        return f"{self.what} {self.host}"


class Introduction(models.Model):
    """One "Test connection": the fields that were tried and what a first contact saw. Done by a worker, not the web."""

    fields = models.JSONField()
    asked = models.DateTimeField(auto_now_add=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    done = models.DateTimeField(null=True)
    #: {"ok", "problem", "message", "remedy", "details", "hostname", "host_uuid", "libvirt", "qemu", "fingerprint",
    #:  "host_key", "known_as"}
    result = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"introduction {self.pk}"
