"""What a team wants for one of its VMs, and the button that lets an operator's migration go."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from hosts.models import Guest
from kvmweb.accounts.permissions import Denied, Right, may
from kvmweb.web.page import page, person
from kvmweb.web.refused import RefusalsIn
from portal.pages.window_forms import TermsForm
from portal.reading.requests import own_guest
from portal.reading.terms import guest_seen, may_set_terms
from portal.reading.times import terms_of
from portal.usecases.errors import NothingWaits
from portal.usecases.terms import ONLY_LEADS, go_ahead, set_terms


@require_http_methods(["GET", "POST"])
@page(Right.ENTER)
def terms_page(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """All who see the VM read it; leads of its team and operators change it."""
    guest = guest_seen(request.user, uuid)
    if guest is None:
        raise Http404("There is no such VM.")
    may_set, back = may_set_terms(request.user, guest), "vm" if may(request.user, Right.SEE, guest) else "portal-guest"
    if request.method == "POST" and not may_set:
        raise Denied(ONLY_LEADS, shown=True)
    terms = terms_of(guest)
    form = TermsForm(request.POST if request.method == "POST" else None, terms=terms)
    if form.is_valid():
        with RefusalsIn(form):
            set_terms(guest, by=person(request), **form.cleaned_data)
            messages.info(request, "Saved.")
            return redirect(back, uuid)
    values = {"guest": guest, "terms": terms, "form": form, "may_set": may_set, "back": back}
    return render(request, "portal/terms.html", values, status=422 if form.errors else 200)


@require_POST
@page(Right.ASK)
def let_go(request: HttpRequest, uuid: UUID) -> HttpResponse:
    guest = _guest(request, uuid)
    try:
        go_ahead(guest, by=person(request))
    except NothingWaits as nothing:
        messages.info(request, str(nothing))
    else:
        messages.info(request, "The migration does not wait any more.")
    return redirect("portal-guest", uuid)


def _guest(request: HttpRequest, uuid: UUID) -> Guest:
    guest = own_guest(request.user, uuid)
    if guest is None:
        raise Http404("Your teams have no VM with this UUID.")
    return guest
