"""On the migrate page: measure what the path to the destination carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from hosts.reading.veil import veil_for
from kvmweb.accounts.permissions import Right
from kvmweb.web.page import number, page, person
from migrations_app.domain.forecast import RateFrom
from migrations_app.reading.guests import guests_seen
from migrations_app.reading.hosts import host_called
from migrations_app.reading.path_rates import path_between, path_rows
from migrations_app.reading.preflights import guest_preflights
from migrations_app.usecases.measure_path import NotMeasurable, answered, measure_path

if TYPE_CHECKING:
    from migrations_app.domain.forecast import Forecast
    from migrations_app.models import PathRate, Preflight


@dataclass(frozen=True, slots=True, kw_only=True)
class PathView:
    """`row`: the last result, or the wish for one. `guest`: whose page has a button for it. `refusal`: why not now."""

    row: PathRate | None
    guest: UUID | None = None
    refusal: str = ""


def path_view(preflight: Preflight, foreseen: Forecast | None) -> PathView | None:
    """Where earlier migrations tell less than a stream would. None: there is nothing to measure."""
    here = preflight.vm.current_sighting()
    known = foreseen is not None and foreseen.rate_from == RateFrom.TRANSFERS
    if here is None or known or not preflight.kind_row.has_policy:
        return None
    row = path_between(here.host, preflight.target)
    return PathView(row=answered(row) if row else None, guest=preflight.guest_id)


@require_POST
@page(Right.MOVE)
def measure(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """From where the VM is to the destination that is chosen in the form."""
    found = get_object_or_404(guests_seen(request.user), pk=uuid)
    target = host_called(request.user, number(request.POST.get("target", "")) or "")
    here = found.current_sighting()
    row, refusal = None, "Choose a destination first."
    if here is None:
        refusal = "No registered host reports this VM."
    elif target is not None:
        try:
            row, refusal = measure_path(here.host, target, by=person(request)), ""
        except NotMeasurable as refused:
            row, refusal = path_between(here.host, target), str(refused)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "vms/_path.html", {"path": PathView(row=row, guest=uuid, refusal=refusal)})
    if refusal:
        messages.warning(request, refusal)
    else:
        messages.info(request, "The path is being measured. Check again in about five seconds.")
    report = guest_preflights(request.user).filter(pk=number(request.POST.get("report", "")), guest=uuid).first()
    query = f"?preflight={report.pk}" if report else ""
    return redirect(f"{reverse('vm-migrate', args=[uuid])}{query}")


@require_GET
@page()
def path_rate(request: HttpRequest, pk: int) -> HttpResponse:
    """The result as a fragment; it asks again until it is there."""
    row = answered(get_object_or_404(path_rows(request.user), pk=pk))
    row.error = veil_for(request.user, row.source_id, row.target_id)(row.error)
    return render(request, "vms/_path.html", {"path": PathView(row=row)})
