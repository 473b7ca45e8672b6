"""The health page, and the support bundle to download."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from kvmweb.accounts.permissions import Right
from kvmweb.health import bundle
from kvmweb.health.signs import look
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.page import page, person
from kvmweb.web.plain import isolated


@require_GET
@page(Right.READ_RECORDS)
def health(request: HttpRequest) -> HttpResponse:
    return render(request, "health/health.html", {"health": look(request.user)})


@require_POST
@page(Right.SUPPORT)
def support_bundle(request: HttpRequest) -> HttpResponse:
    user = person(request)
    content = bundle.make(user)
    text = f"{isolated(user.get_username())} made a support bundle"
    writer.write("support", EntryKind.ACTION, text, actor=user)
    disposition = f'attachment; filename="{bundle.file_name()}"'
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return HttpResponse(content, content_type="application/gzip", headers=headers)
