"""What waits for people's votes, and the votes."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from approvals.domain.decision import ApprovalState, Ballot
from approvals.domain.subject import migration_of
from hosts.models import Guest, VisibleQuerySet
from kvmweb.journal import writer


class Approval(models.Model):
    """A question to people: may this plan be carried out? Its state changes once; votes are append-only."""

    #: what it is about: "request:12" (portal), "migration:7" (an unsafe one), "close:7"
    subject = models.CharField(max_length=60)
    guest = models.ForeignKey(Guest, null=True, on_delete=models.PROTECT, related_name="+")
    guest_name = models.CharField(max_length=512)
    #: of the VM when it was asked for
    team = models.ForeignKey("accounts.Team", null=True, on_delete=models.SET_NULL, related_name="+")
    #: the sentence that people decide on; it names no host
    text = models.TextField()
    #: approvals.domain.plan.Plan as JSON, for those who may see hosts
    plan = models.JSONField(default=dict)
    plan_hash = models.CharField(max_length=64)
    #: the plan that people were asked about before it changed, {} if it did not
    earlier_plan = models.JSONField(default=dict)
    #: downtime as forecast when it was asked; asked again when it doubles
    downtime_ms = models.PositiveIntegerField(null=True)
    #: the role that may vote: lead (of the team), operator, admin
    role = models.CharField(max_length=10)
    quorum = models.PositiveSmallIntegerField(default=1)
    #: the name of the rule that asks, for people
    rule = models.CharField(max_length=100)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_by_name = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    state = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in ApprovalState], default=ApprovalState.OPEN
    )
    decided_at = models.DateTimeField(null=True)

    team_key: ClassVar = "guest"
    names_no_host: ClassVar = True
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject", "rule"], condition=Q(state=ApprovalState.OPEN), name="one_open_approval_per_rule"
            )
        ]

    def __str__(self) -> str:
        return f"{self.text} ({self.state})"

    @staticmethod
    def in_groups(groups: Collection[int]) -> Q:
        return Q(guest__in=Guest.objects.filter(Guest.in_groups(groups)))

    @property
    def state_now(self) -> ApprovalState:
        """An expiry that nobody has written down yet counts."""
        due = self.expires_at is not None and self.expires_at <= timezone.now()
        state = ApprovalState(self.state)
        return ApprovalState.EXPIRED if state is ApprovalState.OPEN and due else state

    @property
    def topic(self) -> str:
        """Of the journal: that of what it is about."""
        pk = migration_of(self.subject)
        return self.subject if pk is None else writer.migration_topic(pk)


class Vote(models.Model):
    """`plan_hash`: the plan that the voter saw. Votes for an earlier plan do not count."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="votes")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    by_name = models.CharField(max_length=150)
    vote = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Ballot])
    comment = models.TextField(blank=True)
    plan_hash = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["approval", "by", "plan_hash"], name="one_vote_per_plan")
        ]

    def __str__(self) -> str:
        return f"{self.vote} by {self.by_name}"


class BrokenGlass(models.Model):
    """An admin did not wait for a second one, with the reason: see FourEyes. Never deleted."""

    #: as in Approval
    subject = models.CharField(max_length=60, unique=True)
    guest_name = models.CharField(max_length=512)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    by_name = models.CharField(max_length=150)
    reason = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "broken glasses"

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}"

    @property
    def migration_pk(self) -> int | None:
        return migration_of(self.subject)
