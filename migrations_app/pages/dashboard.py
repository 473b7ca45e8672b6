"""The dashboard."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from kvmweb.web.page import page
from migrations_app.reading import once, queries


@require_GET
@page()
def dashboard(request: HttpRequest) -> HttpResponse:
    moving = once.moves(request)
    bars = queries.host_bars(request.user, moving)
    values = {
        "moving": moving,
        "bars": bars,
        "shortages": queries.shortages(bars),
        "unread": [bar.host for bar in bars if not bar.host.answers],
        "outcomes": queries.last_outcomes(request.user),
    }
    return render(request, "dashboard/dashboard.html", values)
