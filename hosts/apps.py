from __future__ import annotations

from django.apps import AppConfig


class HostsConfig(AppConfig):
    name = "hosts"

    def ready(self) -> None:
        from hosts.models import HostGroup
        from kvmweb.accounts.scopes import KINDS, ScopeKind

        groups = HostGroup.objects.values_list("pk", "name")
        KINDS["group"] = ScopeKind(called="group of hosts", names=lambda: dict(groups.all()))
