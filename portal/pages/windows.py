"""For admins: when migrations of the portal may run."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kvmweb.accounts.permissions import Right
from kvmweb.web.page import page, person
from kvmweb.web.plain import ReasonForm, isolated
from kvmweb.web.refused import RefusalsIn
from portal.models import Blackout, Window
from portal.pages.window_forms import BlackoutForm, WindowForm
from portal.reading.windows import blackouts, window_view, windows
from portal.usecases.windows import (
    WindowFields,
    change_window,
    make_blackout,
    make_window,
    remove_blackout,
    remove_window,
)


@require_GET
@page(Right.MANAGE_WINDOWS)
def window_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    values = {
        "rows": [(row, window_view(row, now)) for row in windows()],
        "blackouts": blackouts().filter(ends__gt=now),
        "now": now,
    }
    return render(request, "portal/windows.html", values)


@require_http_methods(["GET", "POST"])
@page(Right.MANAGE_WINDOWS)
def add(request: HttpRequest) -> HttpResponse:
    form = WindowForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with RefusalsIn(form):
            made = make_window(
                cast("WindowFields", form.given()), by=person(request), reason=form.cleaned_data["reason"]
            )
            messages.info(request, f"The window {isolated(made.name)} is made.")
            return redirect("window-list")
    return _form(request, form, None)


@require_http_methods(["GET", "POST"])
@page(Right.MANAGE_WINDOWS)
def change(request: HttpRequest, pk: int) -> HttpResponse:
    window: Window = get_object_or_404(windows(), pk=pk)
    form = WindowForm(request.POST if request.method == "POST" else None, window=window)
    if form.is_valid():
        with RefusalsIn(form):
            wanted = cast("WindowFields", form.given())
            changed = change_window(window, wanted, by=person(request), reason=form.cleaned_data["reason"])
            messages.info(request, f"The window {isolated(changed.name)} is saved.")
            return redirect("window-list")
    return _form(request, form, window)


def _form(request: HttpRequest, form: WindowForm, window: Window | None) -> HttpResponse:
    values = {"form": form, "window": window}
    return render(request, "portal/window.html", values, status=422 if form.errors else 200)


@require_POST
@page(Right.MANAGE_WINDOWS)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    window: Window = get_object_or_404(windows(), pk=pk)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors["reason"])))
        return redirect("window", pk)
    remove_window(window, by=person(request), reason=form.cleaned_data["reason"])
    messages.info(request, f"The window {isolated(window.name)} is removed.")
    return redirect("window-list")


@require_http_methods(["GET", "POST"])
@page(Right.MANAGE_WINDOWS)
def add_blackout(request: HttpRequest) -> HttpResponse:
    form = BlackoutForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with RefusalsIn(form):
            made = make_blackout(**form.given(), by=person(request), reason=form.cleaned_data["reason"])
            messages.info(request, f"The blackout {isolated(made.name)} is made.")
            return redirect("window-list")
    values: dict[str, Any] = {"form": form}
    return render(request, "portal/blackout_add.html", values, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@page(Right.MANAGE_WINDOWS)
def blackout(request: HttpRequest, pk: int) -> HttpResponse:
    """What it is, and its removal."""
    found: Blackout = get_object_or_404(blackouts(), pk=pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        remove_blackout(found, by=person(request), reason=form.cleaned_data["reason"])
        messages.info(request, f"The blackout {isolated(found.name)} is removed.")
        return redirect("window-list")
    values = {"blackout": found, "form": form}
    return render(request, "portal/blackout.html", values, status=422 if form.errors else 200)
