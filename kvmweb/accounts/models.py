"""Roles of users, teams with their VMs, and API tokens. Users are Django's own."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from kvmweb.accounts.roles import Role, team_scope
from kvmweb.database import best_effort

#: writing "last used" more often than this would cost one write per API call
_LAST_USED_GRAIN = timedelta(minutes=1)


class TeamQuerySet(models.QuerySet["Team"]):
    def visible_to(self, user: Any) -> TeamQuerySet:
        from kvmweb.accounts.permissions import visible  # it needs the models

        return cast("TeamQuerySet", visible(self, user))


class Grant(models.Model):
    """A role of a user, everywhere or for one scope (see roles.py)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=10, choices=[(role.value, role.value) for role in Role])
    scope = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering: ClassVar = ["scope", "role"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "role", "scope"], name="grant_once")]
        indexes: ClassVar = [models.Index(fields=["scope"], name="grant_scope")]

    def __str__(self) -> str:
        return f"{self.role} of {self.scope}" if self.scope else self.role


class Team(models.Model):
    """People who may see the same VMs. Who belongs to it: the grants with its scope."""

    name = models.CharField(max_length=100, unique=True)
    #: as in a shell ("web-*"): a VM that nobody owns and whose name matches one is the team's from then on
    patterns = models.JSONField(default=list)
    #: a VM whose definition names this team is the team's, unless an admin gave or took it by hand
    claims_metadata = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def scope(self) -> str:
        return team_scope(self.pk)


class Ownership(models.Model):
    """Which team a VM belongs to. By its UUID alone, so that it stays the team's wherever it runs and however it is
    called."""

    guest = models.UUIDField(primary_key=True)
    #: None: an admin took it away, and no pattern gives it to a team again
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="owned")
    #: of the team, which its name matched when it was first seen
    pattern = models.CharField(max_length=100, blank=True)
    #: its definition names the team
    by_metadata = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.guest} of {self.team or 'nobody'}"

    @property
    def by_hand(self) -> bool:
        """An admin gave it, or took it away."""
        return not self.pattern and not self.by_metadata


class Token(models.Model):
    """An API token, stored as a hash: 256 random bits need no salt and no slow hash."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    created = models.DateTimeField(auto_now_add=True)
    last_used = models.DateTimeField(null=True, blank=True)
    expires = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created"]

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.user}"

    @classmethod
    def issue(cls, user: User, *, expires: datetime | None = None) -> str:
        """Create a token and return its text, which is shown once and never stored."""
        text = f"kvmweb_{secrets.token_urlsafe(32)}"
        cls.objects.create(user=user, prefix=text[:12], digest=_digest(text), expires=expires)
        return text

    @classmethod
    def person(cls, text: str) -> User | None:
        """The token's user; None when it is unknown, expired, or the user is inactive."""
        now = timezone.now()
        token = cls.objects.select_related("user").filter(digest=_digest(text), user__is_active=True).first()
        if token is None or (token.expires and token.expires <= now):
            return None
        if token.last_used is None or now - token.last_used > _LAST_USED_GRAIN:
            with best_effort():
                cls.objects.filter(pk=token.pk).update(last_used=now)
        return token.user


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
