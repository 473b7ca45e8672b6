"""What admins set for teams on the console: quotas, and the names of storage."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hosts.reading.teams import visible_teams
from kvmweb.accounts.permissions import Right
from kvmweb.web.page import page, person
from kvmweb.web.plain import PlainField, ReasonForm, isolated
from kvmweb.web.refused import RefusalsIn
from portal.reading.quotas import quota_of
from portal.reading.storages import hosts_with, pool_names, storages
from portal.usecases.quotas import set_quota
from portal.usecases.storages import LONGEST_NAME, LONGEST_POOL, name_storage, remove_storage

#: as in the API
_MOST = 1_000_000


class _Form(ReasonForm):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        for field in self.fields.values():
            field.widget.attrs |= {"class": "form-control", "autocomplete": "off", "spellcheck": "false"}


class QuotaForm(_Form):
    """Empty: no limit."""

    moves_per_day = forms.IntegerField(required=False, min_value=0, max_value=_MOST, label="Migrations a day")
    gib_per_day = forms.IntegerField(required=False, min_value=0, max_value=_MOST, label="GiB a day")
    at_once = forms.IntegerField(required=False, min_value=0, max_value=_MOST, label="At the same time")


class StorageForm(_Form):
    name = PlainField(max_length=LONGEST_NAME, label="Name", help_text="What people in teams read, such as fast.")
    pool = PlainField(max_length=LONGEST_POOL, label="Pool", help_text="The name of the pools on the hosts.")


@require_GET
@page(Right.MANAGE_TEAMS)
def quota_list(request: HttpRequest) -> HttpResponse:
    rows = [(team, quota_of(team)) for team in visible_teams(request.user)]
    return render(request, "console/quotas.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
@page(Right.MANAGE_TEAMS)
def quota(request: HttpRequest, team_pk: int) -> HttpResponse:
    team = get_object_or_404(visible_teams(request.user), pk=team_pk)
    stored = quota_of(team)
    now = {name: getattr(stored, name) for name in ("moves_per_day", "gib_per_day", "at_once")}
    form = QuotaForm(request.POST) if request.method == "POST" else QuotaForm(initial=now)
    if form.is_valid():
        set_quota(team, by=person(request), **form.cleaned_data)
        messages.info(request, f"The quota of the team {isolated(team.name)} is saved.")
        return redirect("console-quotas")
    return render(request, "console/quota.html", {"team": team, "form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@page(Right.MANAGE_TEAMS)
def storage_list(request: HttpRequest) -> HttpResponse:
    form = StorageForm(request.POST) if request.method == "POST" else StorageForm()
    if form.is_valid():
        with RefusalsIn(form):
            name_storage(**form.cleaned_data, by=person(request))
            return redirect("console-storage")
    named = list(storages())
    on = hosts_with([storage.pool for storage in named])
    values = {"rows": [(storage, on[storage.pool]) for storage in named], "form": form, "pools": pool_names()}
    return render(request, "console/storage.html", values, status=422 if form.errors else 200)


@require_POST
@page(Right.MANAGE_TEAMS)
def storage_remove(request: HttpRequest, storage_pk: int) -> HttpResponse:
    storage, form = get_object_or_404(storages(), pk=storage_pk), ReasonForm(request.POST)
    if form.is_valid():
        remove_storage(storage, by=person(request), reason=form.cleaned_data["reason"])
        messages.info(request, f"The name {isolated(storage.name)} is removed. The pools stay.")
    else:
        messages.error(request, " ".join(map(str, form.errors["reason"])))
    return redirect("console-storage")
