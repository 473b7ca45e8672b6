"""Everything requires a login, except what is listed here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from kvmweb.accounts import logins, sessions
from kvmweb.web import errors
from kvmweb.web.back import MARK, refused_in_place, way_back

_OPEN = ("/accounts/login/", "/accounts/logout/", "/healthz", "/setup/", "/api/v1/")  # the API asks for tokens itself


class LoginRequiredMiddleware:
    """Sync and async: a sync-only middleware would block a thread while an async view waits."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self._async = iscoroutinefunction(get_response)
        if self._async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        if self._async:
            return self._later(request)
        if _open(request) or _logged_in(request):
            response = self.get_response(request)
            logins.refused(request)
            return _kept_out_of_caches(request, _in_words(request, response))
        return _to_login(request)

    async def _later(self, request: HttpRequest) -> HttpResponse:
        if _open(request) or await sync_to_async(_logged_in)(request):
            response = await self.get_response(request)
            if hasattr(request, "kvmweb_refusal"):
                await sync_to_async(logins.refused)(request)
            if response.status_code == 405:  # a page of its own reads the database
                response = await sync_to_async(_in_words)(request, response)
            return _kept_out_of_caches(request, response)
        return _to_login(request)


def _logged_in(request: HttpRequest) -> bool:
    if not request.user.is_authenticated:
        return False
    if sessions.over(request.session):
        logout(request)
        return False
    sessions.used(request)
    return True


def _in_words(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Django's answer to a wrong method is empty; whoever follows such an address needs a page."""
    if response.status_code != 405 or _open(request):
        return response
    return errors.not_a_page(request, response)


def _kept_out_of_caches(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """After logging out, the browser's Back button must not show the pages; and no proxy keeps answers of the API."""
    if not request.path.startswith(settings.STATIC_URL):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _open(request: HttpRequest) -> bool:
    return request.path.startswith((*_OPEN, settings.STATIC_URL))


def _to_login(request: HttpRequest) -> HttpResponse:
    login = reverse(settings.LOGIN_URL)
    if request.headers.get("HX-Request"):
        return refused_in_place(401, "You are logged out. Nothing was changed.", "Log in", login)
    came_from = way_back(request) if request.method == "POST" and MARK in request.POST else request.get_full_path()
    return redirect_to_login(came_from, login)
