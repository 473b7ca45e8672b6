"""What people of a team ask for: that a VM migrates, never to which host."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from hosts.models import Guest, VisibleQuerySet
from kvmweb.accounts.models import Team
from migrations_app.models import Migration
from portal.domain.states import TERMINAL, RequestState, Wish


class Request(models.Model):
    """What was asked never changes. `text` says where it stands, for the team: it names no host, address or path."""

    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="requests")
    guest = models.ForeignKey(Guest, on_delete=models.PROTECT, related_name="requests")
    guest_name = models.CharField(max_length=512)
    wish = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Wish])
    value = models.CharField(max_length=100, blank=True)
    not_before = models.DateTimeField(null=True)
    not_after = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_by_name = models.CharField(max_length=150)
    asked_at = models.DateTimeField(auto_now_add=True)
    #: (person, key) names one intent
    idempotency_key = models.CharField(max_length=200, blank=True)
    #: what it counts in the team's quota: memory, and disks that are copied
    gib = models.FloatField(default=0)

    state = models.CharField(max_length=20, choices=[(one.value, one.value) for one in RequestState])
    text = models.TextField(blank=True)
    state_since = models.DateTimeField()
    #: grows with each planning; the one that plans writes only while it has not grown
    epoch = models.PositiveIntegerField(default=0)
    #: a wait that is known: when to look again
    look_at = models.DateTimeField(null=True)

    # for operators
    #: {"guest", "source", "target", "kind", "options", "findings"}, see approvals.domain.plan.Plan; {} before it
    plan = models.JSONField(default=dict)
    #: [{"host", "fits", "why", "score"}]: why this host was chosen and the others were not
    choice = models.JSONField(default=list)
    forecast = models.JSONField(default=dict)
    migration = models.OneToOneField(Migration, null=True, on_delete=models.PROTECT, related_name="request_of_team")

    team_key: ClassVar = "guest"
    names_no_host: ClassVar = True
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["guest"], condition=~Q(state__in=sorted(TERMINAL)), name="one_open_request_per_guest"
            ),
            models.UniqueConstraint(
                fields=["asked_by", "idempotency_key"], condition=~Q(idempotency_key=""), name="one_request_per_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.wish} for {self.guest_name}: {self.state}"

    @staticmethod
    def in_groups(groups: Collection[int]) -> Q:
        return Q(guest__in=Guest.objects.filter(Guest.in_groups(groups)))

    @property
    def ended(self) -> bool:
        return self.state in TERMINAL
