from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "kvmweb.accounts"
    label = "accounts"

    def ready(self) -> None:
        from allauth.account.signals import password_changed

        from kvmweb.accounts import permissions  # noqa: F401  registers the rules
        from kvmweb.accounts.record import own_password

        password_changed.connect(own_password, dispatch_uid="kvmweb.accounts")
