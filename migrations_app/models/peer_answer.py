"""When libvirt on one host last reached libvirt on another."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from hosts.models import Host


class PeerAnswer(models.Model):
    """One row per way from a source to a destination; only of a probe that reached it."""

    source = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    target = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    #: how the source is reached and how it reaches the destination: with another address it is another question
    way = models.JSONField()
    #: see PeerFact.helper
    helper = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "target"], name="one_peer_answer_per_pair")]

    def __str__(self) -> str:
        return f"{self.source} reached {self.target} at {self.at}"
