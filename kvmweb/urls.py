"""The addresses of pages and API."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from kvmweb import alarm
from kvmweb.accounts.setup_page import setup
from kvmweb.api import api


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """For monitoring: "ok", and the storage alarm if there is one. Needs no login."""
    trouble = alarm.text()
    return HttpResponse(f"ok, but: {trouble}\n" if trouble else "ok\n", content_type="text/plain")


def closed(request: HttpRequest) -> HttpResponse:
    """allauth's pages for sign-up, mail and forgotten passwords: admins create accounts and set passwords."""
    raise Http404


urlpatterns = [
    path("", include("migrations_app.urls")),
    path("", include("hosts.urls")),
    path("", include("approvals.urls")),
    path("", include("portal.urls")),
    path("", include("kvmweb.health.urls")),
    path("accounts/", RedirectView.as_view(pattern_name="dashboard")),
    re_path(r"^accounts/(?!(?:login|logout|password/change)/$)", closed),
    path("accounts/", include("allauth.account.urls")),
    path("", include("kvmweb.console.urls")),
    path("api/v1/", api.urls),
    path("setup/", setup, name="setup"),
    path("healthz", healthz, name="healthz"),
]
handler400 = "kvmweb.web.errors.unreadable"
handler403 = "kvmweb.web.errors.forbidden"
handler404 = "kvmweb.web.errors.not_found"
handler429 = "kvmweb.web.errors.too_many"  # allauth's name for it
handler500 = "kvmweb.web.errors.broken"
