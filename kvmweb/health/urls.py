from __future__ import annotations

from django.urls import path

from kvmweb.health import pages

urlpatterns = [
    path("console/health/", pages.health, name="health"),
    path("console/health/bundle/", pages.support_bundle, name="health-bundle"),
]
