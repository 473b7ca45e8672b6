"""Where everything is."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.http import require_safe

from kvmweb.api import api


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """For supervisors: this process answers. Tells nothing else, to anybody."""
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [
    path("", include("migrations_app.urls")),
    path("", include("hosts.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("healthz", healthz, name="healthz"),
]
handler403 = "kvmweb.errors.forbidden"
handler404 = "kvmweb.errors.not_found"
handler500 = "kvmweb.errors.broken"
