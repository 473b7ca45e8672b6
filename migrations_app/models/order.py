"""What a user asks a running migration for."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from migrations_app.domain.order import OrderState
from migrations_app.models.migration import Migration


class Order(models.Model):
    """One request to the worker of a migration. What was asked never changes; its state changes once."""

    migration = models.ForeignKey(Migration, on_delete=models.PROTECT, related_name="orders")
    what = models.CharField(max_length=40)
    value = models.JSONField(null=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_by_name = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    asked_at = models.DateTimeField()

    #: (person, key) names one intent
    idempotency_key = models.CharField(max_length=200, blank=True)

    state = models.CharField(
        max_length=10, choices=[(state.value, state.value) for state in OrderState], default=OrderState.WAITING
    )
    taken_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    #: what libvirt was asked for, and what it reported afterwards
    requested = models.BigIntegerField(null=True)
    read_back = models.BigIntegerField(null=True)
    #: how it ended, for the person who asked
    text = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["migration", "asked_by", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="one_order_per_key",
            )
        ]

    def __str__(self) -> str:
        return f"{self.what} for {self.migration}: {self.state}"
