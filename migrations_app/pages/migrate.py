"""The migrate page: choices on the left, the preflight's report on the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kvmweb.accounts.permissions import Right, require
from kvmweb.web.back import MARK
from kvmweb.web.page import number, page, person
from migrations_app.domain.kinds import KIND, KINDS
from migrations_app.models import Preflight
from migrations_app.pages.forms import MigrateForm, choices_of, initial_of
from migrations_app.pages.reports import FRESH_SECONDS, ReportView, age_of, report_view
from migrations_app.reading import movability
from migrations_app.reading.disks import disk_labels
from migrations_app.reading.guests import GuestPage, guest_page
from migrations_app.reading.policies import offered_policies
from migrations_app.reading.preflights import guest_preflights, told
from migrations_app.usecases.ask_preflight import ask_preflight
from migrations_app.usecases.errors import AlreadyMoving, KeyReused, RequestRefused
from migrations_app.usecases.keep_preflights import answered
from migrations_app.usecases.request_migration import request_migration
from migrations_app.words.verdict import OLD, changed_words, page_words

#: seconds that a click may take to arrive
ON_THE_WAY = 10


@require_http_methods(["GET", "POST"])
@page(Right.MOVE)
def migrate(request: HttpRequest, uuid: UUID) -> HttpResponse:
    found = _guest_page(request, uuid)
    candidates = movability.candidates(request.user, found.guest)
    checked = _checked(request, uuid)
    initial = initial_of(checked.request, checked.copied_disks) if checked else _wanted(request, found, candidates)
    form = _form(request, found, candidates, request.POST or None, initial)
    form.name_disks(disk_labels(found))
    if request.method == "POST" and _as_shown(request, found, form) and (made := _ask(request, form)):
        return redirect("migration", made)
    values: dict[str, Any] = {
        "page": found,
        "guest": found.guest,
        "form": form,
        "candidates": candidates,
        "chosen": str(form["target"].value() or ""),
        "report": report_view(told(request.user, checked)) if checked else None,
        "says": page_words(found.guest.name),
        "fresh_seconds": FRESH_SECONDS,
    }
    return render(request, "vms/migrate.html", values, status=422 if form.errors else 200)


def _form(
    request: HttpRequest,
    found: GuestPage,
    candidates: Sequence[movability.Candidate],
    data: Any,
    initial: dict[str, Any] | None = None,
) -> MigrateForm:
    here = found.here.host if found.here else None
    policies = offered_policies(request.user, found.guest, here)
    return MigrateForm(data, guest=found.guest, candidates=candidates, here=here, policies=policies, initial=initial)


def _wanted(request: HttpRequest, page: GuestPage, candidates: Sequence[movability.Candidate]) -> dict[str, Any]:
    """The method and the destination that a link names (?kind=, ?target=), if it can be chosen, else the method that
    fits the VM's state; and choices that were kept in the query."""
    wanted = request.GET.get("target", "")
    found = [candidate.host.pk for candidate in candidates if str(candidate.host.pk) == wanted and not candidate.reason]
    target = {"target": found[0]} if found else {}
    if MARK in request.GET:
        return choices_of(request.GET) | target
    named = [row.kind.value for row in KINDS if row.kind.value == request.GET.get("kind")]
    fits = named or [row.kind.value for row in KINDS if page.here is not None and page.here.state in row.wants]
    return target | ({"kind": fits[0]} if fits else {})


def _as_shown(request: HttpRequest, found: GuestPage, form: MigrateForm) -> bool:
    """Whether the form is valid, and what its page showed is still so; else the form says what is not."""
    here = found.here
    source = request.POST.get("source", "")
    report = guest_preflights(request.user).filter(pk=number(request.POST.get("report", "")), guest=found.guest).first()
    valid = form.is_valid()
    if found.moving is None and source and (here is None or source != str(here.host_id)):
        form.add_error(None, changed_words(found.guest.name, str(here.host) if here else ""))
    elif report and (age_of(report) or 0) > FRESH_SECONDS + ON_THE_WAY:
        form.add_error(None, OLD)
    else:
        return valid
    return False


def _ask(request: HttpRequest, form: MigrateForm) -> int | None:
    """The migration's number, or None with the refusal in the form (or as a message with a link)."""
    values = form.cleaned_data
    confirm = "confirm_stop" if KIND[values["request"].kind].stops else "confirm"
    try:
        made, _ = request_migration(
            by=person(request),
            request=values["request"],
            reason=values["reason"],
            idempotency_key=values["key"],
            confirm=values[confirm],
            urgent=values["urgent"],
            break_glass=values["break_glass"],
        )
    except RequestRefused as refusal:
        field = confirm if refusal.field == "confirm" else refusal.field
        form.add_error(field if field in form.fields else None, refusal.message)
        return None
    except AlreadyMoving as moving:
        _point_to(request, str(moving), moving.running.pk)
        form.add_error(None, str(moving))
        return None
    except KeyReused as reused:
        _point_to(request, "This form was sent before, with other choices.", reused.first.pk)
        form.add_error(None, "This form was sent before, with other choices. Look at that migration first.")
        return None
    return made.pk


def _point_to(request: HttpRequest, sentence: str, pk: int) -> None:
    link = reverse("migration", args=[pk])
    messages.warning(request, format_html('{} <a href="{}">Open migration {}</a>', sentence, link, pk))


@require_POST
@page(Right.MOVE)
def check(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Ask for a report on the choices as they are in the form."""
    found = _guest_page(request, uuid)
    form = _form(request, found, movability.candidates(request.user, found.guest), request.POST)
    asked = _ask_preflight(request, form) if form.is_valid() else None
    if request.htmx:  # type: ignore[attr-defined]
        values = {"report": report_view(asked) if asked else None, "form": form, "guest": found.guest}
        return render(request, "vms/_report.html", values)
    if asked is None:
        for problems in form.errors.values():
            messages.error(request, " ".join(map(str, problems)))
        return redirect("vm-migrate", uuid)
    return redirect(f"{reverse('vm-migrate', args=[uuid])}?preflight={asked.pk}")


def _ask_preflight(request: HttpRequest, form: MigrateForm) -> Preflight | None:
    try:
        return ask_preflight(by=person(request), request=form.cleaned_data["request"])
    except RequestRefused as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        return None


@require_GET
@page()
def preflight(request: HttpRequest, pk: int) -> HttpResponse:
    """The report as a fragment; it asks again until the answer is there."""
    found = answered(get_object_or_404(guest_preflights(request.user), pk=pk))
    report: ReportView = report_view(told(request.user, found))
    return render(request, "vms/_report.html", {"report": report, "guest": report.preflight.guest})


def _checked(request: HttpRequest, uuid: UUID) -> Preflight | None:
    pk = number(request.GET.get("preflight", ""))
    found = guest_preflights(request.user).filter(pk=pk, guest=uuid).first()
    return answered(found) if found else None


def _guest_page(request: HttpRequest, uuid: UUID) -> GuestPage:
    found = guest_page(request.user, uuid)
    if found is None:
        raise Http404("No VM with this UUID has been seen.")
    require(request.user, Right.MOVE, found.guest)
    return found
