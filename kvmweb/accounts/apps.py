from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "kvmweb.accounts"
    label = "accounts"

    def ready(self) -> None:
        from kvmweb.accounts import permissions  # noqa: F401  registers the rules
