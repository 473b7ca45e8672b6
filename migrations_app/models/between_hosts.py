"""Which groups of hosts a migration belongs to."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django.db.models import Q

if TYPE_CHECKING:
    from hosts.models import Host


class BetweenHosts:
    source: Any
    target: Any

    @staticmethod
    def in_groups(groups: Collection[int]) -> Q:
        return Q(source__group__in=groups) | Q(target__group__in=groups)

    @property
    def touched(self) -> tuple[Host, Host]:
        """Who does something with it needs the right for both."""
        return self.source, self.target
