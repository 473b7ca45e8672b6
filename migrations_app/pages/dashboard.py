"""The dashboard."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from kvmweb.accounts.permissions import Right, may
from kvmweb.web.page import page
from migrations_app.reading import once
from migrations_app.reading.dashboard import host_bars, last_outcomes, shortages
from migrations_app.reading.rollback_copies import old_count
from migrations_app.words.rollback import reminder


@require_GET
@page(Right.ENTER)
def dashboard(request: HttpRequest) -> HttpResponse:
    """Where a login leads: people of teams go on to their own page."""
    if not may(request.user, Right.SEE):
        return redirect("portal")
    moving = once.moves(request)
    bars = host_bars(request.user, moving)
    values = {
        "moving": moving,
        "bars": bars,
        "shortages": shortages(bars),
        "unread": [bar.host for bar in bars if not bar.host.answers],
        "outcomes": last_outcomes(request.user),
        "reminder": reminder(old_count(request.user)),
    }
    return render(request, "dashboard/dashboard.html", values)
