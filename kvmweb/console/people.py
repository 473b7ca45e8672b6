"""Users: all of them, and one with roles, password and tokens. For admins."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hosts.reading.teams import visible_teams
from kvmweb.accounts import people, scopes, teams
from kvmweb.accounts.people import PersonRefused, Wanted
from kvmweb.accounts.permissions import Right
from kvmweb.accounts.roles import EVERYWHERE, group_of, team_of
from kvmweb.accounts.tokens import tokens_of
from kvmweb.console.forms import GroupRoleForm, NewPasswordForm, NewPersonForm, PersonForm, TeamForm, TokenForm
from kvmweb.web.page import page, person
from kvmweb.web.plain import ReasonForm, isolated
from kvmweb.web.refused import RefusalsIn

_A_PAGE = 100


@require_GET
@page(Right.MANAGE_PEOPLE)
def person_list(request: HttpRequest) -> HttpResponse:
    wanted = request.GET.get("q", "").strip().replace("\0", "")[:200]
    found = Paginator(people.matching(wanted, by=person(request)), _A_PAGE).get_page(request.GET.get("page"))
    roles = people.roles_said(found)
    rows = [(user, roles[user.pk]) for user in found]
    return render(request, "console/people.html", {"rows": rows, "found": found, "q": wanted})


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@page(Right.MANAGE_PEOPLE)
def add(request: HttpRequest) -> HttpResponse:
    form = NewPersonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        asked = form.cleaned_data
        wanted = Wanted(
            username=asked["username"], email=asked["email"], roles=asked["roles"], password=asked["password"]
        )
        with RefusalsIn(form):
            made = people.make_person(wanted, by=person(request), reason=asked["reason"])
            messages.info(request, f"The user {isolated(made.get_username())} is added.")
            return redirect("console-person", made.pk)
    return render(request, "console/add_person.html", {"form": form}, status=422 if form.errors else 200)


@require_GET
@page(Right.MANAGE_PEOPLE)
def person_page(request: HttpRequest, user_pk: int) -> HttpResponse:
    return _one(request, _user(request, user_pk))


@require_POST
@page(Right.MANAGE_PEOPLE)
def change(request: HttpRequest, user_pk: int) -> HttpResponse:
    user, form = _user(request, user_pk), PersonForm(request.POST)
    if form.is_valid():
        asked = form.cleaned_data
        wanted = Wanted(username=asked["username"], email=asked["email"], roles=asked["roles"])
        with RefusalsIn(form):
            people.change_person(user, wanted, by=person(request), reason=asked["reason"])
            messages.info(request, "Saved.")
            return redirect("console-person", user_pk)
    return _one(request, user, form=form)


@sensitive_post_parameters()
@require_POST
@page(Right.MANAGE_PEOPLE)
def set_password(request: HttpRequest, user_pk: int) -> HttpResponse:
    user, by = _user(request, user_pk), person(request)
    form = NewPasswordForm(request.POST, request=request, by=by)
    if form.is_valid():
        wanted = Wanted(password=form.cleaned_data["password"])
        with RefusalsIn(form):
            changed = people.change_person(user, wanted, by=by, reason=form.cleaned_data["reason"])
            if changed.pk == by.pk:
                update_session_auth_hash(request, changed)
            messages.info(request, f"{isolated(user.get_username())} has a new password, and is logged out everywhere.")
            return redirect("console-person", user_pk)
    return _one(request, user, password_form=form)


@require_POST
@page(Right.MANAGE_PEOPLE)
def set_active(request: HttpRequest, user_pk: int) -> HttpResponse:
    user, form = _user(request, user_pk), ReasonForm(request.POST)
    active = request.POST.get("active") == "yes"
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors["reason"])))
        return redirect("console-person", user_pk)
    try:
        people.change_person(user, Wanted(active=active), by=person(request), reason=form.cleaned_data["reason"])
    except PersonRefused as refused:
        messages.error(request, refused.message)
    else:
        messages.info(request, f"{isolated(user.get_username())} is {'active' if active else 'inactive'} now.")
    return redirect("console-person", user_pk)


@require_POST
@page(Right.MANAGE_PEOPLE)
def set_team(request: HttpRequest, user_pk: int) -> HttpResponse:
    """With `remove` in the form the user leaves the team."""
    user, form = _user(request, user_pk), TeamForm(request.POST, teams=visible_teams(request.user))
    if not form.is_valid():
        return _one(request, user, team_form=form)
    asked = form.cleaned_data
    if "remove" in request.POST:
        teams.remove_member(asked["team"], user, by=person(request), reason=asked["reason"])
    else:
        teams.set_member(asked["team"], user, asked["role"], by=person(request), reason=asked["reason"])
    return redirect("console-person", user_pk)


@require_POST
@page(Right.MANAGE_PEOPLE)
def set_group(request: HttpRequest, user_pk: int) -> HttpResponse:
    """One role for one group of hosts. With `remove` in the form the user has none there."""
    user, form = _user(request, user_pk), GroupRoleForm(request.POST)
    if form.is_valid():
        asked = form.cleaned_data
        wanted = Wanted(there=(asked["scope"], [] if "remove" in request.POST else [asked["role"]]))
        with RefusalsIn(form):
            people.change_person(user, wanted, by=person(request), reason=asked["reason"])
            return redirect("console-person", user_pk)
    return _one(request, user, group_form=form)


def _one(request: HttpRequest, user: User, **bound: Any) -> HttpResponse:
    grants = people.grants_given([user])[user.pk]
    everywhere = [grant.role for grant in grants if grant.scope == EVERYWHERE]
    shown = {"username": user.get_username(), "email": user.email, "roles": everywhere}
    names = {team.pk: team.name for team in visible_teams(request.user)}
    groups = dict(scopes.choices("group"))
    in_groups = [(grant, groups.get(grant.scope, grant.scope)) for grant in grants if group_of(grant.scope)]
    scoped = [(grant, team_of(grant.scope)) for grant in grants if grant.scope and not group_of(grant.scope)]
    values = {
        "user_shown": user,
        "scoped": [(grant, team, names.get(team or 0, grant.scope)) for grant, team in scoped],
        "in_groups": in_groups,
        "group_form": GroupRoleForm(),
        "has_groups": bool(groups),
        "form": PersonForm(initial=shown),
        "password_form": NewPasswordForm(request=request, by=person(request)),
        "team_form": TeamForm(teams=visible_teams(request.user)),
        "token_form": TokenForm(),
        "tokens": tokens_of(user, by=person(request)),
        "has_teams": bool(names),
        "journal": people.journal_of(user),
        **bound,
    }
    return render(request, "console/person.html", values, status=422 if bound else 200)


def _user(request: HttpRequest, user_pk: int) -> User:
    found: User = get_object_or_404(people.people_seen(person(request)), pk=user_pk)
    return found
