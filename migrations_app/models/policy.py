"""Policies, where they apply, and what the owners of a VM agree to."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from hosts.models import Guest, Host, VisibleQuerySet
from migrations_app.domain.convergence.policy import GENTLE, Consent, Consents, LastResort
from migrations_app.domain.convergence.policy import Policy as PolicyData

#: the choice of the installation
OF_ALL = Q(guest=None, host=None)


class Policy(models.Model):
    """See domain.convergence.policy. A migration keeps its policy as it was when it was requested."""

    name = models.CharField(max_length=63, unique=True)
    built_in = models.BooleanField(default=False)
    start_downtime_ms = models.PositiveIntegerField()
    ladder_ms = models.JSONField(default=list)
    stall_window_s = models.PositiveIntegerField()
    patience_s = models.PositiveIntegerField()
    deadline_s_per_gib = models.PositiveIntegerField()
    deadline_max_s = models.PositiveIntegerField()
    last_resort = models.CharField(max_length=10, choices=[(one.value, one.value) for one in LastResort])
    resume_post_copy = models.BooleanField(default=False)
    shadow = models.BooleanField(default=False)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-built_in", "id"]
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def in_groups(groups: Collection[int]) -> Q:
        return Q()  # they belong to no host: who chooses one has to read it

    @property
    def data(self) -> PolicyData:
        return PolicyData.from_json({name: getattr(self, name) for name in PolicyData.__slots__})


class PolicyChoiceQuerySet(models.QuerySet["PolicyChoice"]):
    def in_effect(self, *, guest: Guest | None = None, source: Host | None = None) -> PolicyChoice:
        """The one that counts for a migration of this VM from this host: the first that is set of VM, host,
        installation."""
        wanted = OF_ALL
        wanted |= Q(guest=guest) if guest else Q()
        wanted |= Q(host=source) if source else Q()
        found = self.filter(wanted).select_related("policy", "host")
        first = found.order_by(F("guest").asc(nulls_last=True), F("host").asc(nulls_last=True)).first()
        return first or PolicyChoice(policy=Policy(**GENTLE.as_json()))


class PolicyChoice(models.Model):
    """The policy of migrations that name none: of one VM, of all from one host, or (neither, `OF_ALL`) of all."""

    guest = models.OneToOneField(Guest, null=True, on_delete=models.CASCADE, related_name="policy_choice")
    host = models.OneToOneField(Host, null=True, on_delete=models.CASCADE, related_name="policy_choice")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")

    objects = PolicyChoiceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(guest=None) | Q(host=None), name="policy_of_one_thing"),
            models.UniqueConstraint(models.Value(1), condition=OF_ALL, name="one_policy_of_the_installation"),
        ]

    def __str__(self) -> str:
        return f"{self.policy} for {self.guest or self.host or 'all'}"


def consents_of(guest: Guest) -> Consents:
    found = getattr(guest, "consent", None)
    return found.data if found else Consents()


class GuestConsent(models.Model):
    """What a policy may do to one VM. A VM without a row: if needed."""

    guest = models.OneToOneField(Guest, on_delete=models.CASCADE, related_name="consent")
    slow = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Consent])
    pause = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Consent])
    post_copy = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Consent])

    def __str__(self) -> str:
        return f"consent of {self.guest}"

    @property
    def data(self) -> Consents:
        return Consents.from_json({"slow": self.slow, "pause": self.pause, "post_copy": self.post_copy})
