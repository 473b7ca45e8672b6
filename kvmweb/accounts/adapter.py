"""Admins create accounts; there is no sign-up."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from django.http import HttpRequest
from django.urls import reverse

from kvmweb.accounts import logins, throttle
from kvmweb.web import errors


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """For allauth's limits."""
        return logins.address(request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Our limit instead of allauth's, which counts by name alone, so anybody could lock out anybody."""
        name, address = credentials["username"], logins.address(request)
        seconds = throttle.begin(name, address)
        if seconds:
            logins.throttled(request, name, seconds)
            raise ImmediateHttpResponse(errors.slow_down(request, seconds))

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        user = super().authenticate(request, **credentials)
        if user is not None:
            throttle.forget(credentials["username"], logins.address(request))
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        logins.failed(request, credentials["username"])

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("dashboard")

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """No messages: a user sees that they have logged in or out."""
