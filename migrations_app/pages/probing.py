"""Where VMs may be probed, on the console; and the address of one, on its page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from hosts.models import Guest
from kvmweb.accounts.permissions import Right
from kvmweb.web.page import page, person
from kvmweb.web.plain import PlainField, ReasonForm
from kvmweb.web.refused import RefusalsIn
from migrations_app.reading.guests import guests_seen
from migrations_app.reading.probing import networks
from migrations_app.usecases.errors import RequestRefused
from migrations_app.usecases.probing import name_network, remove_network, set_address

_LINE = {"class": "form-control", "autocomplete": "off", "spellcheck": "false"}


class NetworkForm(ReasonForm):
    cidr = PlainField(max_length=50, label="Network", help_text="Such as 198.51.100.0/24 or 2001:db8::/64.")

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        for field in self.fields.values():
            field.widget.attrs |= _LINE


class AddressForm(ReasonForm):
    address = PlainField(
        required=False,
        max_length=45,
        label="Address",
        help_text="Leave it empty for the one that its host reports.",
    )

    def __init__(self, data: Any = None, *, guest: Guest | None = None) -> None:
        given = getattr(guest, "probe_address", None)
        super().__init__(data, initial={"address": given.address if given else ""})
        for field in self.fields.values():
            field.widget.attrs |= _LINE


@require_http_methods(["GET", "POST"])
@page(Right.MANAGE_PROBING)
def network_list(request: HttpRequest) -> HttpResponse:
    form = NetworkForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with RefusalsIn(form):
            name_network(**form.cleaned_data, by=person(request))
            return redirect("console-probing")
    values = {"networks": networks(request.user), "form": form}
    return render(request, "console/probing.html", values, status=422 if form.errors else 200)


@require_POST
@page(Right.MANAGE_PROBING)
def network_remove(request: HttpRequest, network_pk: int) -> HttpResponse:
    network, form = get_object_or_404(networks(request.user), pk=network_pk), ReasonForm(request.POST)
    if form.is_valid():
        remove_network(network, by=person(request), reason=form.cleaned_data["reason"])
        messages.info(request, f"VMs in {network} are not probed any more.")
    else:
        messages.error(request, " ".join(map(str, form.errors["reason"])))
    return redirect("console-probing")


@require_POST
@page(Right.CHANGE_VMS)
def address_of_vm(request: HttpRequest, uuid: UUID) -> HttpResponse:
    guest, form = get_object_or_404(guests_seen(request.user), pk=uuid), AddressForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(one) for problems in form.errors.values() for one in problems))
        return redirect("vm", uuid)
    try:
        set_address(guest, **form.cleaned_data, by=person(request))
    except RequestRefused as refused:
        messages.error(request, refused.message)
    else:
        messages.info(request, "Saved. It counts from the next migration on.")
    return redirect("vm", uuid)
