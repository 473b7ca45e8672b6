"""Teams: all of them, and one with its people and VMs. Admins change them; who leads one looks at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from hosts.reading.guests import called_exactly
from hosts.reading.teams import person_called, visible_teams, with_all
from hosts.usecases import teams as usecases
from kvmweb.accounts import teams
from kvmweb.accounts.models import Team
from kvmweb.accounts.permissions import Right
from kvmweb.accounts.roles import OF_TEAMS
from kvmweb.accounts.teams import OwnedByOther, TeamRefused
from kvmweb.web.page import page, person
from kvmweb.web.plain import PlainField, ReasonForm, isolated
from kvmweb.web.refused import RefusalsIn

_STYLES = {forms.ChoiceField: "form-select", forms.BooleanField: "form-check-input"}


class _Form(ReasonForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            style = _STYLES.get(type(field), "form-control")
            field.widget.attrs |= {"class": style, "autocomplete": "off", "spellcheck": "false"}


class TeamForm(_Form):
    name = PlainField(max_length=teams.LONGEST_NAME, label="Name")
    patterns = forms.CharField(
        required=False,
        label="Name patterns",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One per line, such as web-*. A VM that no team owns and whose name matches goes to this team.",
    )

    claims_metadata = forms.BooleanField(
        required=False,
        label="VMs may name this team in their definition",
        help_text="Whoever edits a VM's definition can then give the VM to this team, unless an admin gave it by hand.",
    )

    @classmethod
    def of(cls, team: Team) -> TeamForm:
        claims = team.claims_metadata
        return cls(initial={"name": team.name, "patterns": "\n".join(team.patterns), "claims_metadata": claims})

    def wanted(self) -> dict[str, Any]:
        return self.cleaned_data | {"patterns": str(self.cleaned_data["patterns"]).splitlines()}


class MemberForm(_Form):
    username = PlainField(max_length=150, label="User name")
    role = forms.ChoiceField(choices=[(role.value, role.value) for role in sorted(OF_TEAMS, reverse=True)])


class GuestForm(_Form):
    guest = PlainField(max_length=512, label="VM", help_text="Its exact name, or its UUID.")


@require_GET
@page(Right.SEE_TEAMS)
def team_list(request: HttpRequest) -> HttpResponse:
    return _list(request, TeamForm())


@require_POST
@page(Right.MANAGE_TEAMS)
def add(request: HttpRequest) -> HttpResponse:
    form = TeamForm(request.POST)
    if form.is_valid():
        with RefusalsIn(form):
            made = usecases.create_team(**form.wanted(), by=person(request))
            return redirect("team", made.pk)
    return _list(request, form)


def _list(request: HttpRequest, form: TeamForm) -> HttpResponse:
    values = {"teams": with_all(visible_teams(request.user)), "form": form}
    return render(request, "teams/list.html", values, status=422 if form.errors else 200)


@require_GET
@page(Right.SEE_TEAMS)
def team(request: HttpRequest, pk: int) -> HttpResponse:
    found = _team(request, pk)
    return _one(request, found, TeamForm.of(found))


@require_POST
@page(Right.MANAGE_TEAMS)
def change(request: HttpRequest, pk: int) -> HttpResponse:
    found, form = _team(request, pk), TeamForm(request.POST)
    if form.is_valid():
        with RefusalsIn(form):
            usecases.change_team(found, **form.wanted(), by=person(request))
            messages.info(request, "Saved.")
            return redirect("team", pk)
        found = _team(request, pk)  # without what was refused
    return _one(request, found, form)


def _one(request: HttpRequest, found: Team, form: TeamForm) -> HttpResponse:
    values = {"page": with_all([found])[0], "form": form, "member_form": MemberForm(), "guest_form": GuestForm()}
    return render(request, "teams/team.html", values, status=422 if form.errors else 200)


@require_POST
@page(Right.MANAGE_TEAMS)
def set_member(request: HttpRequest, pk: int) -> HttpResponse:
    """With `remove` in the form the user leaves the team."""
    found, form = _team(request, pk), MemberForm(request.POST)
    if "remove" in request.POST:
        form.fields["role"].required = False

    def do() -> None:
        asked = form.cleaned_data
        user = person_called(asked["username"])
        if user is None:
            raise TeamRefused("username", "There is no user with this name.")
        if "remove" in request.POST:
            teams.remove_member(found, user, by=person(request), reason=asked["reason"])
        else:
            teams.set_member(found, user, asked["role"], by=person(request), reason=asked["reason"])

    return _done(request, form, do, pk)


@require_POST
@page(Right.MANAGE_TEAMS)
def set_guest(request: HttpRequest, pk: int) -> HttpResponse:
    """With `remove` in the form, a UUID, the VM leaves the team."""
    found, form = _team(request, pk), GuestForm(request.POST)

    def do() -> None:
        asked = form.cleaned_data
        guests = called_exactly(request.user, asked["guest"])
        if len(guests) > 1:
            raise TeamRefused("guest", "Several VMs have this name. Enter the UUID.")
        if "remove" in request.POST:
            usecases.take_guest(found, _uuid(asked["guest"]), by=person(request), reason=asked["reason"])
        elif guests:
            usecases.give_guest(found, guests[0], by=person(request), reason=asked["reason"])
        else:
            raise TeamRefused("guest", "No VM with this name or UUID has been seen.")

    return _done(request, form, do, pk)


@require_POST
@page(Right.MANAGE_TEAMS)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    found, form = _team(request, pk), ReasonForm(request.POST)

    def do() -> None:
        teams.delete_team(found, by=person(request), reason=form.cleaned_data["reason"])
        messages.info(request, f"The team {isolated(found.name)} is deleted. Its VMs belong to no team.")

    return _done(request, form, do, None if form.is_valid() else pk)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise TeamRefused("guest", "This is not a UUID.") from None


def _done(request: HttpRequest, form: forms.Form, do: Callable[[], None], pk: int | None) -> HttpResponse:
    """Do it, or say why not; then back to the team, or to the list."""
    if form.is_valid():
        try:
            do()
        except (TeamRefused, OwnedByOther) as refused:
            messages.error(request, str(refused))
    else:
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    return redirect(reverse("team", args=[pk]) if pk else reverse("team-list"))


def _team(request: HttpRequest, pk: int) -> Team:
    found: Team = get_object_or_404(visible_teams(request.user), pk=pk)
    return found
