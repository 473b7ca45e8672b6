"""Asking for a migration: where to, when and why; never to which host."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from hosts.models import Guest
from kvmweb.accounts.permissions import Right
from kvmweb.web.page import page, person
from kvmweb.web.plain import PlainField
from portal.domain.states import Wish
from portal.reading.named import site_names, storage_names, zone_of
from portal.reading.requests import own_guest
from portal.usecases.ask import Asked, ask
from portal.usecases.errors import AlreadyAsked, AskRefused, KeyReused, OverQuota

#: between the wish and its value
_COLON = ":"


class AskForm(forms.Form):
    """`where` is a wish and its value; times are in `time_zone`."""

    where = forms.ChoiceField(
        label="Where to",
        widget=forms.Select(attrs={"class": "form-select"}),
        error_messages={"invalid_choice": "There is no such place any more."},
    )
    not_before = forms.DateTimeField(required=False, label="Not before", widget=forms.DateTimeInput)
    not_after = forms.DateTimeField(required=False, label="Not after", widget=forms.DateTimeInput)
    time_zone = forms.ChoiceField(label="Time zone of these times", widget=forms.Select(attrs={"class": "form-select"}))
    reason = PlainField(
        required=False,
        max_length=1000,
        label="Reason",
        help_text="Whoever approves it reads this.",
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    key = PlainField(max_length=200, widget=forms.HiddenInput)

    def __init__(self, guest: Guest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sites = [(f"{Wish.SITE}{_COLON}{name}", name) for name in site_names(guest)]
        storage = [(f"{Wish.STORAGE}{_COLON}{name}", name) for name in storage_names()]
        groups = (("To a site", sites), ("Its disks to other storage", storage))
        choices = [(Wish.AWAY.value, "To any other host"), *((name, places) for name, places in groups if places)]
        self.fields["where"].choices = choices  # type: ignore[attr-defined]
        self.fields["time_zone"].choices = [(zone, zone) for zone in sorted(available_timezones())]  # type: ignore[attr-defined]
        for name in ("not_before", "not_after"):
            self.fields[name].widget = forms.DateTimeInput(
                format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local", "class": "form-control"}
            )
            self.fields[name].error_messages["invalid"] = "Enter a date and a time, such as 2027-01-08 06:00."

    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or {}
        zone = asked.get("time_zone")
        for name in ("not_before", "not_after"):
            if zone and asked.get(name):
                asked[name] = asked[name].replace(tzinfo=ZoneInfo(zone))
        first, last = asked.get("not_before"), asked.get("not_after")
        if first and last and last <= first:
            self.add_error("not_after", "This is not after the earliest time.")
        return asked

    def asked(self) -> Asked:
        given = self.cleaned_data
        wish, _, value = given["where"].partition(_COLON)
        times: dict[str, datetime | None] = {name: given[name] for name in ("not_before", "not_after")}
        return Asked(wish=Wish(wish), value=value, reason=given["reason"], **times)


@require_http_methods(["GET", "POST"])
@page(Right.ASK)
def ask_page(request: HttpRequest, uuid: UUID) -> HttpResponse:
    guest = own_guest(request.user, uuid)
    if guest is None:
        raise Http404("Your teams have no VM with this UUID.")
    if request.method != "POST":
        return _shown(request, guest, AskForm(guest, initial={"time_zone": zone_of(guest), "key": uuid4().hex}))
    form = AskForm(guest, request.POST)
    if form.is_valid():
        try:
            made, _ = ask(by=person(request), guest=guest, asked=form.asked(), idempotency_key=form.cleaned_data["key"])
        except AskRefused as refused:
            form.add_error(refused.field if refused.field in form.fields else "where", refused.message)
        except (OverQuota, KeyReused) as refused:
            form.add_error(None, str(refused))
        except AlreadyAsked as already:
            messages.info(request, str(already))
            return redirect("request", already.open.pk)
        else:
            return redirect("request", made.pk)
    return _shown(request, guest, form)


def _shown(request: HttpRequest, guest: Guest, form: AskForm) -> HttpResponse:
    return render(request, "portal/ask.html", {"guest": guest, "form": form}, status=422 if form.errors else 200)
