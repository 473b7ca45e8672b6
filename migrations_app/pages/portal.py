"""The page of people in teams: their VMs. It names no host, address or path."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from kvmweb.accounts.permissions import Right
from kvmweb.web.page import page
from migrations_app.reading.portal import MOST_GUESTS, own_guests, own_teams


@require_GET
@page(Right.SEE_OWN)
def portal(request: HttpRequest) -> HttpResponse:
    values = {"teams": own_teams(request.user), "guests": own_guests(request.user), "most": MOST_GUESTS}
    return render(request, "portal/portal.html", values)
