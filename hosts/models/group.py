"""Hosts that belong together, such as those of one room: a site for the people of teams, a scope for roles."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from django.db import models
from django.db.models import Q

from hosts.models.host import VisibleQuerySet


class HostGroup(models.Model):
    name = models.CharField(max_length=63, unique=True, error_messages={"unique": "Another group has this name."})
    #: what people of teams read instead of a host's name ("Site north"); "": they read nothing
    site = models.CharField(max_length=63, blank=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def in_groups(groups: Collection[int]) -> Q:
        return Q(pk__in=groups)
