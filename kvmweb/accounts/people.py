"""What admins do with users. A user is made inactive, never deleted: the name stays with what they did.

Superusers are made on the command line, and only superusers see and change them: an admin must not become one by
setting another's password.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q

from kvmweb.accounts import record
from kvmweb.accounts.grants import set_roles
from kvmweb.accounts.models import Grant
from kvmweb.accounts.permissions import DENIED, Denied, Right, may, require
from kvmweb.accounts.roles import EVERYWHERE, Role, fits
from kvmweb.accounts.scopes import UnknownScope, said, settled
from kvmweb.database import alone
from kvmweb.journal import writer
from kvmweb.journal.models import Entry
from kvmweb.web.plain import is_plain
from kvmweb.web.refused import FieldRefused

if TYPE_CHECKING:
    from django.db.models import QuerySet

LONGEST_NAME = 150
LONGEST_EMAIL = 254
LONGEST_PASSWORD = 1000
MOST_GRANTS = 200
#: of the journal, on the page of a user
MOST_ENTRIES = 20


class PersonRefused(FieldRefused):
    """The user cannot be as wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """None: as it is. `roles`: everywhere; `grants`: (role, scope) of all scopes; `there`: (scope, the roles for it),
    other scopes stay."""

    username: str | None = None
    email: str | None = None
    active: bool | None = None
    roles: Sequence[str] | None = None
    grants: Sequence[tuple[str, str]] | None = None
    there: tuple[str, Sequence[str]] | None = None
    password: str | None = None


def people_seen(user: User) -> QuerySet[User]:
    """Whom this user may see here. Raises PermissionDenied."""
    require(user, Right.MANAGE_PEOPLE)
    rows = User.objects.order_by("username")
    return rows if user.is_superuser else rows.filter(is_superuser=False)


@transaction.atomic
def make_person(wanted: Wanted, *, by: User, reason: str = "") -> User:
    """Without a password nobody can log in with the name; tokens work. Raises PersonRefused, PermissionDenied."""
    alone(User)
    by = _still_admin(by)
    user = User()
    user.set_unusable_password()
    _fill(user, wanted)
    user.save()
    _grant(user, wanted)
    record.changed(user, None, by=by, reason=reason)
    return user


@transaction.atomic
def change_person(user: User, wanted: Wanted, *, by: User, reason: str = "") -> User:
    """Raises PersonRefused, PermissionDenied. A new password ends the user's sessions; so does being inactive, with the
    tokens."""
    alone(User)
    by = _still_admin(by)
    user = User.objects.get(pk=user.pk)  # as it is now: two admins may change one user
    if user.is_superuser and not by.is_superuser:
        raise Denied(DENIED[Right.MANAGE_PEOPLE])
    before = record.standing(user)
    _fill(user, wanted)
    user.save()
    _grant(user, wanted)
    if user.pk == by.pk and not may(User.objects.get(pk=user.pk), Right.MANAGE_PEOPLE):
        # whoever changes others stays an admin, so that there always is one
        field = "active" if not user.is_active else "roles"
        raise PersonRefused(field, "You cannot lock yourself out: another admin can take the admin role from you.")
    record.changed(user, before, by=by, reason=reason)
    if wanted.password is not None:
        record.new_password(user, by=by)
    return user


def _still_admin(by: User) -> User:
    """Read again: another admin may just have taken the role."""
    fresh = User.objects.get(pk=by.pk)
    require(fresh, Right.MANAGE_PEOPLE)
    return fresh


def _fill(user: User, wanted: Wanted) -> None:
    if wanted.username is not None or not user.pk:
        user.username = _username(user, wanted.username or "")
    if wanted.email is not None:
        user.email = _email(wanted.email.strip())
    if wanted.active is not None:
        user.is_active = wanted.active
    if wanted.password is not None:
        try:
            validate_password(wanted.password, user)
        except ValidationError as error:
            raise PersonRefused("password", " ".join(error.messages)) from None
        user.set_password(wanted.password)


def _username(user: User, typed: str) -> str:
    name = User.normalize_username(typed.strip())
    if name == user.username and user.pk:
        return name
    try:
        User.username_validator(name)
    except ValidationError:
        raise PersonRefused("username", "A user name has letters, digits and @ . + - _ only.") from None
    if len(name) > LONGEST_NAME:
        raise PersonRefused("username", f"A user name has at most {LONGEST_NAME} characters.")
    if User.objects.filter(username__iexact=name).exclude(pk=user.pk).exists():
        raise PersonRefused("username", "Another user has this name.")
    return name


def _email(text: str) -> str:
    try:
        if text:
            validate_email(text)
    except ValidationError:
        raise PersonRefused("email", "This is not an e-mail address.") from None
    if len(text) > LONGEST_EMAIL or not is_plain(text):
        raise PersonRefused("email", f"An e-mail address has at most {LONGEST_EMAIL} characters.")
    return text


def _grant(user: User, wanted: Wanted) -> None:
    if wanted.roles is not None:
        _checked("roles", [(role, EVERYWHERE) for role in wanted.roles])
        set_roles(user, wanted.roles)
    if wanted.there is not None:
        scope, roles = wanted.there
        _checked("scope", [(role, scope) for role in roles])
        set_roles(user, roles, scope)
    if wanted.grants is None:
        return
    grants = _checked("grants", wanted.grants)
    if any(scope == EVERYWHERE for _, scope in grants):
        raise PersonRefused("grants", "A role without a scope belongs to roles.")
    had = set(user.grants.exclude(scope=EVERYWHERE).values_list("scope", flat=True))
    for scope in sorted(had | {scope for _, scope in grants}):
        set_roles(user, [role for role, of in grants if of == scope], scope)


def _checked(field: str, grants: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same with the numbers of scopes that were named. Raises PersonRefused."""
    found = []
    for role, text in grants:
        if role not in set(Role):
            raise PersonRefused(field, f"There is no such role. The roles are {', '.join(Role)}.")
        try:
            scope = settled(text)
        except UnknownScope as unknown:
            raise PersonRefused(field, str(unknown)) from None
        if not fits(role, scope):
            raise PersonRefused(field, f"The role {role} cannot be given for this scope.")
        found.append((role, scope))
    return found


def one_of(username: str, *, by: User) -> User | None:
    """None: there is none whom this user may see. Raises PermissionDenied."""
    rows = people_seen(by)
    return rows.filter(username=username).first() if is_plain(username) else None


def matching(text: str, *, by: User) -> QuerySet[User]:
    rows = people_seen(by)
    return rows.filter(Q(username__icontains=text) | Q(email__icontains=text)) if text else rows


def journal_of(user: User) -> list[Entry]:
    """What happened to this user, newest first."""
    return list(Entry.objects.filter(topic=writer.person_topic(user.pk)).order_by("-id")[:MOST_ENTRIES])


def grants_given(users: Iterable[User]) -> dict[int, list[Grant]]:
    """One query, however many users."""
    found: dict[int, list[Grant]] = {user.pk: [] for user in users}
    for grant in Grant.objects.filter(user__in=found):
        found[grant.user_id].append(grant)
    return found


def roles_said(users: Iterable[User]) -> dict[int, list[str]]:
    """The roles of each user in words. A fixed number of queries, however many users."""
    given = grants_given(users)
    words = iter(said(grant for grants in given.values() for grant in grants))
    return {pk: [next(words) for _ in grants] for pk, grants in given.items()}
