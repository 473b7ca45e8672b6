"""What is kept of migrations: the record of one to download, and several beside each other."""

from __future__ import annotations

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from kvmweb.web.page import page
from migrations_app.api.flight_record import record_of
from migrations_app.pages.migration_page import migration_or_404
from migrations_app.reading.compare import MOST, compared, group_of
from migrations_app.words.compare import lines, title
from migrations_app.words.flight_text import flight_text


@require_GET
@page()
def record_json(request: HttpRequest, pk: int) -> HttpResponse:
    found = migration_or_404(request, pk)
    answer = JsonResponse(record_of(request, found), json_dumps_params={"indent": 2})
    return _to_download(answer, f"migration-{found.pk}.json")


@require_GET
@page()
def record_text(request: HttpRequest, pk: int) -> HttpResponse:
    found = migration_or_404(request, pk)
    answer = HttpResponse(flight_text(record_of(request, found)), content_type="text/plain; charset=utf-8")
    return _to_download(answer, f"migration-{found.pk}.txt")


class _Address(forms.Form):
    """The VM, or one or both of the hosts; `before` turns to the older ones."""

    vm = forms.UUIDField(required=False)
    source = forms.IntegerField(min_value=1, max_value=2**62, required=False)
    target = forms.IntegerField(min_value=1, max_value=2**62, required=False)
    before = forms.IntegerField(min_value=1, max_value=2**62, required=False)


@require_GET
@page()
def compare(request: HttpRequest) -> HttpResponse:
    if not request.GET:
        return render(request, "migrations/compare.html", {"title": title()})
    form = _Address(request.GET)
    of = form.cleaned_data if form.is_valid() else {}
    group = group_of(request.user, vm=of.get("vm"), source=of.get("source"), target=of.get("target"))
    if group is None or not form.is_valid():
        raise Http404("There is nothing to compare at this address.")
    found = compared(request.user, group, before=of["before"])
    shown, older = found[:MOST], ""
    if len(found) > MOST:
        address = request.GET.copy()
        address["before"] = str(shown[-1].pk)
        older = f"?{address.urlencode()}"
    return render(
        request,
        "migrations/compare.html",
        {
            "title": title(group.guest, group.source, group.target),
            "group": group,
            "migrations": shown,
            "lines": lines(shown),
            "older": older,
            "other_way": _other_way(request),
        },
    )


def _other_way(request: HttpRequest) -> str:
    """Between the same two hosts."""
    address = request.GET.copy()
    address.pop("before", None)
    address["source"], address["target"] = address.get("target", ""), address.get("source", "")
    return f"?{address.urlencode()}"


def _to_download(answer: HttpResponse, name: str) -> HttpResponse:
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
