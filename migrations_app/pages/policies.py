"""Policies: all of them, one to change, and where they apply. Admins change; everybody with a role reads."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hosts.reading.hosts import visible_hosts
from kvmweb.accounts.permissions import Right
from kvmweb.web.page import page, person
from kvmweb.web.plain import ReasonForm
from kvmweb.web.refused import RefusalsIn
from migrations_app.domain.convergence.policy import Policy as PolicyData
from migrations_app.models import Policy
from migrations_app.pages.policy_forms import PolicyForm
from migrations_app.pages.policy_places import PlaceForm, host_form, installation_form, vm_form
from migrations_app.reading.guests import guests_seen
from migrations_app.reading.policies import journal, policies, policy_rows
from migrations_app.usecases.choose_policy import (
    choose_for_guest,
    choose_for_host,
    choose_for_installation,
    set_consent,
)
from migrations_app.usecases.errors import PolicyStays, RequestRefused
from migrations_app.usecases.policies import change_policy, make_policy, remove_policy
from migrations_app.words.policies import does, quoted

COUNTS = "It counts for migrations that are requested from now on."


@require_GET
@page()
def policy_list(request: HttpRequest) -> HttpResponse:
    values = {"rows": policy_rows(request.user), "form": installation_form(request.user), "journal": journal()}
    return render(request, "policies/list.html", values)


@require_http_methods(["GET", "POST"])
@page(Right.MANAGE_POLICIES)
def add(request: HttpRequest) -> HttpResponse:
    form = PolicyForm(request.POST if request.method == "POST" else None, shown=PolicyData(name=""))
    if form.is_valid():
        with RefusalsIn(form):
            made = make_policy(form.all_fields(), by=person(request), reason=form.cleaned_data["reason"])
            messages.info(request, f"The policy {quoted(made.name)} is made.")
            return redirect("policy-list")
    return _form(request, form, None)


@require_http_methods(["GET", "POST"])
@page(Right.MANAGE_POLICIES)
def change(request: HttpRequest, pk: int) -> HttpResponse:
    policy = get_object_or_404(policies(request.user), pk=pk)
    form = PolicyForm(request.POST if request.method == "POST" else None, shown=policy.data)
    if form.is_valid():
        with RefusalsIn(form):
            changed = change_policy(policy, form.changes(), by=person(request), reason=form.cleaned_data["reason"])
            messages.info(request, f"The policy {quoted(changed.name)} is saved. {COUNTS}")
            return redirect("policy-list")
    return _form(request, form, policy)


def _form(request: HttpRequest, form: PolicyForm, policy: Policy | None) -> HttpResponse:
    values = {"form": form, "policy": policy, "does": does(policy.data) if policy else ""}
    return render(request, "policies/form.html", values, status=422 if form.errors else 200)


@require_POST
@page(Right.MANAGE_POLICIES)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    policy = get_object_or_404(policies(request.user), pk=pk)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors["reason"])))
        return redirect("policy", pk)
    try:
        remove_policy(policy, by=person(request), reason=form.cleaned_data["reason"])
    except PolicyStays as stays:
        messages.error(request, str(stays))
        return redirect("policy", pk)
    messages.info(request, f"The policy {quoted(policy.name)} is removed. Its migrations keep it.")
    return redirect("policy-list")


@require_POST
@page(Right.MANAGE_POLICIES)
def of_installation(request: HttpRequest) -> HttpResponse:
    form = installation_form(request.user, request.POST)

    def choose(reason: str) -> None:
        choose_for_installation(form.cleaned_data["policy"], by=person(request), reason=reason)

    return _done(request, form, choose, redirect("policy-list"))


@require_POST
@page(Right.MANAGE_POLICIES)
def of_host(request: HttpRequest, pk: int) -> HttpResponse:
    host = get_object_or_404(visible_hosts(request.user), pk=pk)
    form = host_form(request.user, host, request.POST)

    def choose(reason: str) -> None:
        for name in form.chosen().values():
            choose_for_host(host, name, by=person(request), reason=reason)

    return _done(request, form, choose, redirect("host", pk))


@require_POST
@page(Right.CHANGE_VMS)
def of_vm(request: HttpRequest, uuid: UUID) -> HttpResponse:
    guest = get_object_or_404(guests_seen(request.user), pk=uuid)
    here = guest.current_sighting()
    form = vm_form(request.user, guest, here.host if here else None, request.POST)

    def choose(reason: str) -> None:
        for name in form.chosen().values():
            choose_for_guest(guest, name, by=person(request), reason=reason)
        set_consent(guest, form.agreed(), by=person(request), reason=reason)

    return _done(request, form, choose, redirect("vm", uuid))


def _done(
    request: HttpRequest, form: PlaceForm, choose: Callable[[str], None], back: HttpResponseRedirect
) -> HttpResponse:
    """Do it, say so, and go back."""
    if not form.is_valid():
        messages.error(request, form.problems)
        return back
    try:
        with transaction.atomic():
            choose(form.cleaned_data["reason"])
    except RequestRefused as refused:
        messages.error(request, refused.message)
    else:
        messages.info(request, f"Saved. {COUNTS}")
    return back
