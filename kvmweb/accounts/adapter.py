"""Accounts are made by admins: nobody signs up."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """For the rate limits; whoever hides it behind a garbled X-Forwarded-For shares one limit with all who do."""
        try:
            return str(super().get_client_ip(request))
        except (PermissionDenied, ValueError):
            return "unknown"

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("dashboard")

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Who has logged in or out sees that; a message about it would only be in the way."""
