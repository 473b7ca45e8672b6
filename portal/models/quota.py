"""How much a team may ask for."""

from __future__ import annotations

from django.db import models

from kvmweb.accounts.models import Team


class Quota(models.Model):
    """None: no limit. A day is the last 24 hours."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="quota")
    moves_per_day = models.PositiveIntegerField(null=True, blank=True)
    gib_per_day = models.PositiveIntegerField(null=True, blank=True)
    at_once = models.PositiveIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return f"quota of {self.team}"
