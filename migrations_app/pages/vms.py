"""The list of VMs, and a VM."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from kvmweb.web.page import page
from migrations_app.pages.filters import GuestTableFilter
from migrations_app.pages.tables import GuestTable, turn_to_page
from migrations_app.reading import movability
from migrations_app.reading.guests import guest_page, guest_rows


@require_GET
@page()
def vm_list(request: HttpRequest) -> HttpResponse:
    chosen = GuestTableFilter(request.GET, queryset=guest_rows(request.user), request=request)
    table = GuestTable(chosen.qs)
    turn_to_page(request, table)
    return render(request, "vms/list.html", {"table": table, "filter": chosen})


@require_GET
@page()
def vm(request: HttpRequest, uuid: UUID) -> HttpResponse:
    found = guest_page(request.user, uuid)
    if found is None:
        raise Http404("No VM with this UUID has been seen.")
    outlook = movability.inventory(request.user).outlook(found.guest) if found.here and not found.moving else None
    return render(request, "vms/vm.html", {"page": found, "outlook": outlook})
