"""Storage as people of teams know it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Storage(models.Model):
    """A name such as "fast" for the pools that have one name on the hosts."""

    name = models.CharField(max_length=63, unique=True)
    pool = models.CharField(max_length=255)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
