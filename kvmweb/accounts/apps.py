from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "kvmweb.accounts"
    label = "accounts"

    def ready(self) -> None:
        from allauth.account.signals import password_changed, user_logged_in
        from django.contrib.auth import signals

        from kvmweb.accounts import logins, permissions, sessions  # noqa: F401  registers the rules
        from kvmweb.accounts.models import Team
        from kvmweb.accounts.record import own_password
        from kvmweb.accounts.scopes import KINDS, ScopeKind

        teams = Team.objects.values_list("pk", "name")
        KINDS["team"] = ScopeKind(called="team", names=lambda: dict(teams.all()))
        password_changed.connect(own_password, dispatch_uid="kvmweb.accounts")
        signals.user_logged_in.connect(sessions.begins, dispatch_uid="kvmweb.accounts")
        user_logged_in.connect(logins.succeeded, dispatch_uid="kvmweb.accounts")
