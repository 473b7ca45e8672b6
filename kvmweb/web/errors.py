"""Error pages: what happened, why, what to do, and a way back."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from kvmweb import alarm, database
from kvmweb.accounts import logins
from kvmweb.accounts.permissions import hides
from kvmweb.web import problems
from kvmweb.web.back import refused_in_place, way_back


def unreadable(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Without request: its host name may be what is wrong."""
    return HttpResponse(render_to_string("errors/400.html"), status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    logins.to_note(request, str(exception or ""))
    match = request.resolver_match
    if hides(getattr(request, "user", None), exception, names_object=bool(match and match.kwargs)):
        return not_found(request)
    return _page(request, "errors/403.html", 403, {"reason": str(exception or "")})


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, "errors/404.html", 404)


def not_a_page(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """For `response`, a 405: somebody opened the address of a button, for example after logging in again."""
    page = _page(request, "errors/405.html", 405)
    page["Allow"] = response["Allow"]
    return page


def too_many(request: HttpRequest) -> HttpResponse:
    """Called by allauth's rate limits, which count a minute."""
    logins.too_many(request)
    return slow_down(request, 60)


def slow_down(request: HttpRequest, seconds: int) -> HttpResponse:
    headers = {"Retry-After": str(seconds)}
    return HttpResponse(render_to_string("errors/429.html", {"seconds": seconds}, request), status=429, headers=headers)


def broken(request: HttpRequest) -> HttpResponse:
    """Without request and database: either may be what is broken. Called while the exception is handled."""
    trouble = database.trouble(sys.exc_info()[1])
    if trouble is None:
        return HttpResponse(render_to_string("errors/500.html"), status=500)
    if request.path.startswith(problems.PREFIX):
        return problems.not_now(request, trouble)
    alarm.notice(trouble)
    page = render_to_string("errors/503.html", {"trouble": trouble})
    headers = {"Retry-After": str(trouble.retry_after)}
    return HttpResponse(page, status=503, reason=trouble.sentence, headers=headers)  # the reason is for the log


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """After another login the token of an open page is an old one. The page is opened again with the choices kept."""
    if request.headers.get("HX-Request"):
        sentence = "Nothing was changed: this page belongs to an earlier login. Open it again."
        return refused_in_place(403, sentence, "Open it again")
    return _page(request, "errors/csrf.html", 403, {"back": way_back(request)})


def _page(request: HttpRequest, template: str, status: int, values: dict[str, str] | None = None) -> HttpResponse:
    """With the navigation, for whom it leads anywhere: `layout`, from kvmweb/accounts/context.py."""
    return render(request, template, values, status=status)
