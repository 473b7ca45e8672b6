"""Everything needs a login, except what is listed here. A new page is closed unless somebody opens it."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

_OPEN = ("/accounts/login/", "/accounts/logout/", "/healthz", "/api/v1/")  # the API asks for tokens itself


class LoginRequiredMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated or request.path.startswith((*_OPEN, settings.STATIC_URL)):
            return self.get_response(request)
        if request.headers.get("HX-Request"):
            answer = HttpResponse(status=204)
            answer["HX-Redirect"] = reverse(settings.LOGIN_URL)
            return answer
        return redirect_to_login(request.get_full_path(), reverse(settings.LOGIN_URL))
