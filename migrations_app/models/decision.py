"""What a policy has decided while a migration ran."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from migrations_app.domain.convergence.action import Act
from migrations_app.models.migration import Migration


class Decision(models.Model):
    """Written down before libvirt is told. `applied` becomes true once libvirt has taken it; in shadow mode it never
    does."""

    migration = models.ForeignKey(Migration, on_delete=models.PROTECT, related_name="decisions")
    at = models.DateTimeField()
    action = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Act])
    downtime_ms = models.PositiveIntegerField(null=True)
    text = models.TextField()
    numbers = models.JSONField(default=dict)
    applied = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.action} for {self.migration}"
