"""The list of rollback copies, and one of them: what it is, and the form to delete it."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from hosts.reading.veil import veil_for
from kvmweb.accounts.permissions import Right, may
from kvmweb.web.page import page, person
from kvmweb.web.plain import ReasonForm
from kvmweb.web.refused import RefusalsIn
from migrations_app.models import CopyState, RollbackCopy
from migrations_app.pages.filters import CopyTableFilter
from migrations_app.pages.tables import CopyTable, turn_to_page
from migrations_app.reading.rollback_copies import copy_rows, old_count
from migrations_app.usecases.delete_copy import delete_copy
from migrations_app.usecases.errors import CopyStays
from migrations_app.words.rollback import reminder


class DeleteCopyForm(ReasonForm):
    confirm = forms.CharField(
        max_length=512, strip=False, error_messages={"required": "Type the exact name of the VM."}
    )


@require_GET
@page()
def copy_list(request: HttpRequest) -> HttpResponse:
    chosen = CopyTableFilter(request.GET, queryset=copy_rows(request.user), request=request)
    table = CopyTable(chosen.qs)
    turn_to_page(request, table)
    values = {"table": table, "filter": chosen, "reminder": reminder(old_count(request.user))}
    return render(request, "migrations/copies/list.html", values)


@require_GET
@page()
def copy(request: HttpRequest, pk: int) -> HttpResponse:
    return _shown(request, _copy(request, pk), None)


@require_http_methods(["GET", "POST"])
@page(Right.DELETE_COPIES)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """GET too, because an open page reads itself again at its own address."""
    found = _copy(request, pk)
    form = DeleteCopyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        asked = form.cleaned_data
        with RefusalsIn(form):
            try:
                delete_copy(found, by=person(request), confirm=asked["confirm"], reason=asked["reason"])
            except CopyStays as stays:
                messages.error(request, f"Not deleted. {stays}")
            return redirect("rollback-copy", pk)
    return _shown(request, found, form)


def _shown(request: HttpRequest, found: RollbackCopy, form: DeleteCopyForm | None) -> HttpResponse:
    deletable = found.state == CopyState.PRESENT and may(request.user, Right.DELETE_COPIES)
    found.state_text = veil_for(request.user, found.host_id)(found.state_text)
    values = {"copy": found, "form": form or DeleteCopyForm(), "deletable": deletable}
    return render(request, "migrations/copies/copy.html", values, status=422 if form and form.errors else 200)


def _copy(request: HttpRequest, pk: int) -> RollbackCopy:
    found = copy_rows(request.user).filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such rollback copy.")
    return found
