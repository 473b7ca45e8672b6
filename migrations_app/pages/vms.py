"""The list of VMs, and a VM."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from kvmweb.accounts.context import rights_on
from kvmweb.accounts.permissions import Right
from kvmweb.web.page import page, person
from kvmweb.web.plain import ReasonForm
from migrations_app.pages.filters import GONE, GuestTableFilter
from migrations_app.pages.policy_places import part_of_vm
from migrations_app.pages.probing import AddressForm
from migrations_app.pages.tables import GuestTable, turn_to_page
from migrations_app.reading import movability
from migrations_app.reading.guests import guest_page, guest_rows, operated_of
from migrations_app.usecases.forget_guests import BATCH, forget_guests
from migrations_app.words import gone as words


@require_GET
@page()
def vm_list(request: HttpRequest) -> HttpResponse:
    chosen = GuestTableFilter(request.GET, queryset=guest_rows(request.user), request=request)
    hidden = GuestTable.OF_WHAT_EXISTS if chosen.gone_only else GuestTable.OF_WHAT_IS_GONE
    table = GuestTable(chosen.qs, exclude=hidden)
    turn_to_page(request, table)
    values = {"table": table, "filter": chosen, "gone_only": chosen.gone_only}
    values["operated"] = table.operated = operated_of(request.user, (row.record for row in table.page.object_list))
    return render(request, "vms/list.html", values | {"consequence": words.CONSEQUENCE_OF_SEVERAL})


@require_GET
@page()
def vm(request: HttpRequest, uuid: UUID) -> HttpResponse:
    found = guest_page(request.user, uuid)
    if found is None:
        raise Http404("No VM with this UUID has been seen.")
    outlook = movability.inventory(request.user).outlook(found.guest) if found.here and not found.moving else None
    policy = part_of_vm(request.user, found.guest, found.here.host if found.here else None)
    values = {"page": found, "outlook": outlook, "consequence": words.CONSEQUENCE, "policy": policy}
    forms = {"probe_form": AddressForm(guest=found.guest)}
    rights = {"destinations": movability.destinations(request.user), **rights_on(request.user, found.guest)}
    return render(request, "vms/vm.html", {**values, **forms, **rights})


@require_POST
@page(Right.FORGET)
def forget(request: HttpRequest) -> HttpResponse:
    """The VMs of a page of the list, or one from its own page."""
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"{' '.join(map(str, form.errors['reason']))} No VM was forgotten.")
    else:
        done = forget_guests(_uuids(request), by=person(request), reason=form.cleaned_data["reason"])
        tell = messages.warning if done.kept else messages.info
        tell(request, words.answer(done.names, done.kept))
    return redirect(reverse("vm-list", query={"state": GONE}))


def _uuids(request: HttpRequest) -> list[UUID]:
    found = []
    for text in request.POST.getlist("guest")[:BATCH]:
        with suppress(ValueError):
            found.append(UUID(text))
    return found
