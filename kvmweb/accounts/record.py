"""Changes to users, for the journal: roles, active, passwords, tokens. `by` None: on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages

from kvmweb.accounts.models import Grant
from kvmweb.accounts.scopes import said
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpRequest

Standing = dict[str, str]
_RIGHTS = ("roles", "active", "superuser")


def standing(user: User) -> Standing:
    """What decides about the rights of a user, in words."""
    roles = ", ".join(said(Grant.objects.filter(user=user)))  # read again: a page may have prefetched them
    return {
        "name": user.get_username(),
        "email": user.email or "none",
        "roles": roles or "none",
        "active": "yes" if user.is_active else "no",
        "superuser": "yes" if user.is_superuser else "no",
    }


def changed(user: User, before: Standing | None, *, by: User | None = None, reason: str = "") -> None:
    """`before`: what `standing` returned before the change; None for a new user."""
    now = standing(user)
    name = isolated(user.get_username())
    if before is None:
        rights = {key: now[key] for key in _RIGHTS}
        tell(user, f"{_who(by)} created the user {name}: {_words(rights)}", by=by, reason=reason, **now)
        return
    different = {key: f"{before[key]} → {now[key]}" for key in now if now[key] != before[key]}
    if different:
        tell(user, f"{_who(by)} changed the user {name}: {_words(different)}", by=by, reason=reason, **now)


def new_password(user: User, *, by: User | None = None) -> None:
    if by is not None and by.pk == user.pk:
        tell(user, f"{_who(by)} changed their password", by=by)
    else:
        tell(user, f"{_who(by)} set a new password for {isolated(user.get_username())}", by=by)


def own_password(*, request: HttpRequest, user: User, **_: object) -> None:
    """allauth's signal: a user has changed their own password."""
    new_password(user, by=user)
    messages.info(request, "Password changed. You are logged out in all other browsers.")


def tell(user: User, text: str, *, by: User | None = None, reason: str = "", **body: str) -> None:
    writer.write(writer.person_topic(user.pk), EntryKind.ACTION, text, body=dict(body), actor=by, reason=reason)


def _who(by: User | None) -> str:
    return isolated(by.get_username()) if by else "Somebody on the command line"


def _words(values: Standing) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())
