"""The health page, and the support bundle to download."""

from __future__ import annotations

import io

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from kvmweb.accounts.permissions import Right
from kvmweb.health import bundle, report
from kvmweb.health.row import State
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.ui.badge import Badge
from kvmweb.web.page import page, person
from kvmweb.web.plain import isolated

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


@require_POST
@page(Right.MAKE_BUNDLE)
def support_bundle(request: HttpRequest) -> HttpResponse:
    by = person(request)
    writer.write(writer.SUPPORT, EntryKind.ACTION, f"{isolated(by.get_username())} made a support bundle", actor=by)
    content = io.BytesIO()
    bundle.write(content)
    name = f"kvmweb-support-{timezone.now():%Y%m%d-%H%M%S}.zip"
    answer = HttpResponse(content.getvalue(), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer
