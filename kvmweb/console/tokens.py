"""API tokens on pages: everybody's own, and for admins those of a user. A token's text is shown once."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from kvmweb.accounts import people
from kvmweb.accounts.people import PersonRefused
from kvmweb.accounts.permissions import Right
from kvmweb.accounts.tokens import make_token, revoke_token, tokens_of
from kvmweb.console.forms import TokenForm
from kvmweb.web.page import page, person
from kvmweb.web.plain import ReasonForm


@require_GET
@page(Right.ENTER)
def own(request: HttpRequest) -> HttpResponse:
    me = person(request)
    return render(request, "console/own_tokens.html", {"tokens": tokens_of(me, by=me), "token_form": TokenForm()})


@require_POST
@page(Right.ENTER)
def add_own(request: HttpRequest) -> HttpResponse:
    return _add(request, person(request))


@require_POST
@page(Right.MANAGE_PEOPLE)
def add(request: HttpRequest, user_pk: int) -> HttpResponse:
    return _add(request, get_object_or_404(people.people_seen(person(request)), pk=user_pk))


def _add(request: HttpRequest, user: User) -> HttpResponse:
    """Answers with the text itself: nowhere in between is it stored."""
    form, me = TokenForm(request.POST), person(request)
    back = redirect("own-tokens") if user.pk == me.pk else redirect("console-person", user.pk)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return back
    try:
        token, text = make_token(user, expires=form.expires(), by=me, reason=form.cleaned_data["reason"])
    except PersonRefused as refused:
        messages.error(request, refused.message)
        return back
    return render(request, "console/token.html", {"token": token, "text": text, "back": back.url, "user_shown": user})


@require_POST
@page(Right.ENTER)
def revoke_own(request: HttpRequest, token_pk: int) -> HttpResponse:
    return _revoke(request, person(request), token_pk, redirect("own-tokens"))


@require_POST
@page(Right.MANAGE_PEOPLE)
def revoke(request: HttpRequest, user_pk: int, token_pk: int) -> HttpResponse:
    user = get_object_or_404(people.people_seen(person(request)), pk=user_pk)
    return _revoke(request, user, token_pk, redirect("console-person", user_pk))


def _revoke(request: HttpRequest, user: User, token_pk: int, back: HttpResponse) -> HttpResponse:
    form, me = ReasonForm(request.POST), person(request)
    token = get_object_or_404(tokens_of(user, by=me), pk=token_pk)
    if form.is_valid():
        revoke_token(token, by=me, reason=form.cleaned_data["reason"])
        messages.info(request, f"The token {token.prefix}… is revoked.")
    else:
        messages.error(request, " ".join(map(str, form.errors["reason"])))
    return back
