"""The health page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from kvmweb.accounts.permissions import Right
from kvmweb.health import report
from kvmweb.health.row import State
from kvmweb.ui.badge import Badge
from kvmweb.web.page import page

BADGES = {
    State.WELL: Badge("Well", "green", "circle-check"),
    State.WARNING: Badge("Warning", "amber", "alert-triangle"),
    State.UNKNOWN: Badge("Unknown", "grey", "question-mark"),
    State.BAD: Badge("Bad", "red", "circle-x"),
}


@require_GET
@page(Right.SEE_HEALTH)
def health(request: HttpRequest) -> HttpResponse:
    rows = [(BADGES[row.state], row) for row in report.rows()]
    return render(request, "health/health.html", {"rows": rows, "at": timezone.now()})
