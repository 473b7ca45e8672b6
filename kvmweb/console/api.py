"""Users and their tokens in the API, for admins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status
from pydantic import AwareDatetime, ConfigDict

from kvmweb.accounts import people
from kvmweb.accounts.people import Wanted
from kvmweb.accounts.roles import EVERYWHERE, Role
from kvmweb.accounts.tokens import make_token, revoke_token, tokens_of
from kvmweb.web.page import person
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.plain import Plain
from kvmweb.web.problems import COMMON, ProblemError, located

router = Router(tags=["people"])
_PASSWORD: dict[str, Any] = {"writeOnly": True, "format": "password"}


class _In(Schema):
    model_config = ConfigDict(extra="forbid")

    reason: Plain = Field("", max_length=1000)


class ScopedRole(Schema):
    """`scope`: of member and lead a team, `team:3`; of viewer and operator a group of hosts, `group:5`. A request may
    have the name in place of the number: `group:north`."""

    model_config = ConfigDict(extra="forbid")

    role: Role
    scope: Plain = Field(max_length=100)


class PersonIn(_In):
    """Without a password the user cannot log in; tokens work. `roles` are everywhere, `grants` for a scope."""

    username: Plain = Field(max_length=people.LONGEST_NAME)
    email: Plain = Field("", max_length=people.LONGEST_EMAIL)
    active: bool = True
    roles: list[Role] = Field([], max_length=people.MOST_GRANTS)
    grants: list[ScopedRole] = Field([], max_length=people.MOST_GRANTS)
    password: str | None = Field(None, max_length=people.LONGEST_PASSWORD, json_schema_extra=_PASSWORD)


class PersonChangeIn(_In):
    """What is missing stays. `roles` and `grants` replace all that the user had of them."""

    username: Plain | None = Field(None, max_length=people.LONGEST_NAME)
    email: Plain | None = Field(None, max_length=people.LONGEST_EMAIL)
    active: bool | None = None
    roles: list[Role] | None = Field(None, max_length=people.MOST_GRANTS)
    grants: list[ScopedRole] | None = Field(None, max_length=people.MOST_GRANTS)
    password: str | None = Field(None, max_length=people.LONGEST_PASSWORD, json_schema_extra=_PASSWORD)


class PersonOut(Schema):
    username: str
    email: str
    active: bool
    roles: list[Role]
    grants: list[ScopedRole]


class TokenIn(_In):
    """`expires`: null is never."""

    expires: AwareDatetime | None = None


class TokenOut(Schema):
    """`prefix`: how its text begins."""

    id: int
    prefix: str
    created: datetime
    last_used: datetime | None
    expires: datetime | None


class NewTokenOut(TokenOut):
    """`token` is its text. Nothing can show it again."""

    token: str


@router.get("/people", response={200: Listed[PersonOut], **COMMON}, summary="List users")
def list_people(request: HttpRequest, page: Query[Page]) -> object:
    """A superuser is listed for superusers only."""
    items, following = paged(people.people_seen(person(request)), page)
    return {"items": _shown(items), "next": following}


@router.post("/people", response={201: PersonOut, **COMMON}, summary="Create a user", openapi_extra=located(201))
def create_person(request: HttpRequest, payload: PersonIn, response: HttpResponse) -> object:
    made = people.make_person(_wanted(payload), by=person(request), reason=payload.reason)
    response["Location"] = f"/api/v1/people/{made.get_username()}"
    return Status(201, _shown([made])[0])


@router.get("/people/{username}", response={200: PersonOut, **COMMON}, summary="Get a user")
def get_person(request: HttpRequest, username: str) -> object:
    return _shown([_user(request, username)])[0]


@router.patch("/people/{username}", response={200: PersonOut, **COMMON}, summary="Change a user")
def change_person(request: HttpRequest, username: str, payload: PersonChangeIn) -> object:
    """A new password ends the user's sessions. An inactive user is logged out, and the tokens stop working. You cannot
    take the admin role from yourself."""
    user = _user(request, username)
    changed = people.change_person(user, _wanted(payload), by=person(request), reason=payload.reason)
    return _shown([changed])[0]


@router.get("/people/{username}/tokens", response={200: Listed[TokenOut], **COMMON}, summary="List a user's tokens")
def list_tokens(request: HttpRequest, username: str, page: Query[Page]) -> object:
    items, following = paged(tokens_of(_user(request, username), by=person(request)), page)
    return {"items": items, "next": following}


@router.post("/people/{username}/tokens", response={201: NewTokenOut, **COMMON}, summary="Create a token")
def create_token(request: HttpRequest, username: str, payload: TokenIn) -> object:
    user = _user(request, username)
    token, text = make_token(user, expires=payload.expires, by=person(request), reason=payload.reason)
    values = {name: getattr(token, name) for name in ("prefix", "created", "last_used", "expires")}
    return Status(201, {"id": token.pk, **values, "token": text})


@router.delete("/people/{username}/tokens/{token_id}", response={204: None, **COMMON}, summary="Revoke a token")
def revoke(request: HttpRequest, username: str, token_id: int) -> object:
    token = get_object_or_404(tokens_of(_user(request, username), by=person(request)), pk=token_id)
    if not revoke_token(token, by=person(request)):
        raise Http404
    return Status(204, None)


def _user(request: HttpRequest, username: str) -> User:
    found = people.one_of(username, by=person(request))
    if found is None:
        raise ProblemError(404, "There is no user with this name.")
    return found


def _wanted(payload: PersonIn | PersonChangeIn) -> Wanted:
    grants = None if payload.grants is None else [(grant.role.value, grant.scope) for grant in payload.grants]
    return Wanted(
        username=payload.username,
        email=payload.email,
        active=payload.active,
        roles=payload.roles,
        grants=grants,
        password=payload.password,
    )


def _shown(users: Iterable[User]) -> Sequence[dict[str, Any]]:
    found = list(users)
    grants = people.grants_given(found)
    return [
        {
            "username": user.get_username(),
            "email": user.email,
            "active": user.is_active,
            "roles": [grant.role for grant in grants[user.pk] if grant.scope == EVERYWHERE],
            "grants": [
                {"role": grant.role, "scope": grant.scope} for grant in grants[user.pk] if grant.scope != EVERYWHERE
            ],
        }
        for user in found
    ]
