"""The list of migrations, and one migration: its page, cancel, close."""

from __future__ import annotations

import contextlib
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kvmweb.accounts.context import rights_on
from kvmweb.accounts.permissions import Right, may
from kvmweb.web.page import page, person
from kvmweb.web.plain import LONGEST_REASON, PlainField, ReasonForm
from kvmweb.web.refused import RefusalsIn
from migrations_app.domain.gate import Later
from migrations_app.domain.orders import CONTROLS
from migrations_app.models import Migration
from migrations_app.pages.filters import MigrationTableFilter
from migrations_app.pages.inserts import DISMISSED
from migrations_app.pages.migration_page import migration_or_404, page_values
from migrations_app.pages.tables import MigrationTable, turn_to_page
from migrations_app.reading.journal import told
from migrations_app.reading.migrations import migration_rows, moves_beside, veiled
from migrations_app.reading.policies import policies
from migrations_app.reading.rollback_copies import copies_of
from migrations_app.reading.samples import measured, passes, samples_of
from migrations_app.usecases.close_migration import close_migration
from migrations_app.usecases.errors import NothingToClose, NotOffered, RequestRefused, TooLate
from migrations_app.usecases.examine import correct_clock, examine_again
from migrations_app.usecases.give_order import cancel_migration, order_by_name
from migrations_app.usecases.look_again import look_again
from migrations_app.words.course import marks

#: of measurements, on one page
MOST_ROWS = 200


@require_GET
@page()
def migration_list(request: HttpRequest) -> HttpResponse:
    chosen = MigrationTableFilter(request.GET, queryset=migration_rows(request.user), request=request)
    table = MigrationTable(chosen.qs)
    turn_to_page(request, table)
    return render(request, "migrations/list.html", {"table": table, "filter": chosen})


@require_GET
@page()
def migration(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "migrations/migration.html", _page_values(request, migration_or_404(request, pk)))


def _page_values(request: HttpRequest, migration: Migration) -> dict[str, object]:
    beside, copies = moves_beside(request.user, migration), copies_of(request.user, migration)
    more: dict[str, object] = {"beside": beside, "copies": copies, "policies": policies(request.user)}
    more["may_migrate"] = may(request.user, Right.MOVE, migration.guest)
    values = page_values(veiled(request.user, migration))
    values["journal"] = told(request.user, migration, values["journal"])
    return {**values, **more, **rights_on(request.user, migration)}


@require_POST
@page(Right.MOVE)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Not cancelled. {' '.join(map(str, form.errors['reason']))}")
        return redirect("migration", pk)
    try:
        cancel_migration(migration_or_404(request, pk), by=person(request), reason=form.cleaned_data["reason"])
    except TooLate as late:
        messages.warning(request, str(late))
    return redirect("migration", pk)


@require_POST
@page(Right.MOVE)
def order(request: HttpRequest, pk: int) -> HttpResponse:
    """One control. What came of it is on the page and in the journal, for everybody."""
    what, typed = request.POST.get("what", ""), request.POST.get("value", "").strip()
    names = what in CONTROLS and CONTROLS[what].names
    try:
        value = (typed if names else int(typed)) if typed else None
        order_by_name(migration_or_404(request, pk), what, by=person(request), value=value)
    except ValueError:
        messages.error(request, "Not changed. Enter a whole number.")
    except RequestRefused as refused:
        messages.error(request, f"Not changed. {refused.message}")
    except (NotOffered, TooLate) as late:
        messages.warning(request, f"Not changed. {late}")
    return redirect("migration", pk)


@require_POST
@page(Right.MOVE)
def look(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        look_again(migration_or_404(request, pk), by=person(request))
    except TooLate as late:
        messages.warning(request, str(late))
    return redirect("migration", pk)


@require_POST
@page(Right.MOVE)
def examine(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        examine_again(migration_or_404(request, pk), by=person(request))
    except NotOffered as refused:
        messages.warning(request, str(refused))
    else:
        messages.info(request, "The VM is being tested. The results appear here in about ten seconds.")
    return redirect("migration", pk)


@require_POST
@page(Right.MOVE)
def clock(request: HttpRequest, pk: int) -> HttpResponse:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors["reason"])))
        return redirect("migration", pk)
    try:
        correct_clock(migration_or_404(request, pk), by=person(request), reason=form.cleaned_data["reason"])
    except NotOffered as refused:
        messages.warning(request, str(refused))
    else:
        messages.info(request, "The guest agent is asked to set the clock. The journal says what came of it.")
    return redirect("migration", pk)


class CloseForm(ReasonForm):
    break_glass = PlainField(required=False, max_length=LONGEST_REASON, label="Why it cannot wait")


@require_http_methods(["GET", "POST"])
@page(Right.CLOSE)
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """The migration's page with the form to close it open: what does not fit is said at the field. GET too, because an
    open page reads itself again at its own address."""
    found = migration_or_404(request, pk)
    form = CloseForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with RefusalsIn(form):
            try:
                closed = close_migration(found, by=person(request), **form.cleaned_data)
            except NothingToClose as nothing:
                messages.warning(request, str(nothing))
            else:
                if isinstance(closed, Later):
                    messages.info(request, closed.sentence)
            return redirect("migration", pk)
    values = {**_page_values(request, found), "close_form": form}
    return render(request, "migrations/migration.html", values, status=422 if form.errors else 200)


@require_POST
@page()
def dismiss(request: HttpRequest) -> HttpResponse:
    """Removes the outcomes up to `until` from the drawer. What ended since the page was made stays."""
    back, until = request.POST.get("next", ""), None
    with contextlib.suppress(ValueError):
        until = datetime.fromisoformat(request.POST.get("until", ""))
    if until is not None and until.tzinfo is not None:
        request.session[DISMISSED] = until.isoformat()
    return redirect(
        back if back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None) else "dashboard"
    )


@require_GET
@page()
def samples(request: HttpRequest, pk: int) -> HttpResponse:
    """For the graphs, see samples_of."""
    return JsonResponse(samples_of(migration_or_404(request, pk)), safe=False)


@require_GET
@page()
def numbers(request: HttpRequest, pk: int) -> HttpResponse:
    """What the graphs show, as tables."""
    found = migration_or_404(request, pk)
    rows = measured(found, most=MOST_ROWS)
    values = {"migration": found, "rows": rows, "passes": passes(rows), "marks": marks(found)}
    return render(request, "migrations/numbers.html", values)
