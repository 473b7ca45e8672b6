"""The part of a migration's row that says what changes it while it runs: limits, and the policy with its memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q

from migrations_app.domain.convergence.policy import Policy
from migrations_app.domain.convergence.track import Track

if TYPE_CHECKING:
    from collections.abc import Collection

    from hosts.models import Host


class Steered(models.Model):
    source: Any
    target: Any
    request: Any
    #: the longest downtime was set; it is set once, so that whoever changes it by hand later is not overruled
    downtime_set = models.BooleanField(default=False)
    #: hosts.facts.guest.JobLimits as JSON: those that an order changed as they were before, and all as they are now
    limits_before = models.JSONField(default=dict)
    controls = models.JSONField(default=dict)
    #: domain.convergence.policy.Policy as JSON, as it was at the request; {} for a method that has none
    policy = models.JSONField(default=dict)
    #: the name that the request had, "" for the one that was set
    asked_policy = models.CharField(max_length=63, blank=True)
    #: domain.convergence.track.Track as JSON: what the policy remembers
    track = models.JSONField(default=dict)
    #: the policy was about to pause the VM, or has; whoever works on it next resumes it wherever it ends
    paused_by_policy = models.BooleanField(default=False)
    #: libvirt was told to switch to post-copy, or was about to be, or was seen in it
    post_copy_at = models.DateTimeField(null=True)
    #: the migration that this one was started instead of
    restart_of = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="restarted_as")

    class Meta:
        abstract = True

    @property
    def policy_data(self) -> Policy | None:
        return Policy.from_json(self.policy) if self.policy else None

    @property
    def track_data(self) -> Track:
        return Track.from_json(self.track)

    @property
    def post_copy_allowed(self) -> bool:
        """It began so, by its request or by its policy."""
        by_policy = self.track.get("post_copy") and not self.policy.get("shadow")
        return bool(self.request.options.post_copy or by_policy)

    @staticmethod
    def in_groups(groups: Collection[int]) -> Q:
        """Those from or to a host of these groups."""
        return Q(source__group__in=groups) | Q(target__group__in=groups)

    @property
    def touched(self) -> tuple[Host, Host]:
        """Who steers it needs the right for both."""
        return self.source, self.target
