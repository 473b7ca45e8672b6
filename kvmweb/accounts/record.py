"""What is done to people, for the journal: roles, being active, passwords, tokens. `by` None: on the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages

from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpRequest

Standing = dict[str, str]


def standing(user: User) -> Standing:
    """What decides about the rights of a person, in words."""
    roles = ", ".join(sorted(user.groups.values_list("name", flat=True)))
    return {
        "name": user.get_username(),
        "roles": roles or "none",
        "active": "yes" if user.is_active else "no",
        "superuser": "yes" if user.is_superuser else "no",
    }


def changed(user: User, before: Standing | None, *, by: User | None = None, reason: str = "") -> None:
    """`before` is what `standing` said before the change; None for somebody new."""
    now = standing(user)
    name = isolated(user.get_username())
    if before is None:
        tell(user, f"{_who(by)} made the person {name}: {_words(now)}", by=by, reason=reason, **now)
        return
    different = {key: f"{before[key]} → {now[key]}" for key in now if now[key] != before[key]}
    if different:
        tell(user, f"{_who(by)} changed the person {name}: {_words(different)}", by=by, reason=reason, **now)


def new_password(user: User, *, by: User | None = None) -> None:
    if by is not None and by.pk == user.pk:
        tell(user, f"{_who(by)} chose a new password", by=by)
    else:
        tell(user, f"{_who(by)} gave {isolated(user.get_username())} a new password", by=by)


def group(before: str, now: str, *, by: User, reason: str = "") -> None:
    """Made ("" before), renamed, or removed ("" now); told with whoever did it."""
    if not before:
        text = f"made the group {isolated(now)}"
    elif not now:
        text = f"removed the group {isolated(before)}"
    else:
        text = f"renamed the group {isolated(before)} to {isolated(now)}"
    tell(by, f"{_who(by)} {text}", by=by, reason=reason)


def own_password(*, request: HttpRequest, user: User, **_: object) -> None:
    """allauth's signal: somebody has changed their own password."""
    new_password(user, by=user)
    messages.info(request, "Your password is changed. Other browsers you were logged in with have to log in again.")


def tell(user: User, text: str, *, by: User | None = None, reason: str = "", **body: str) -> None:
    writer.write(writer.person_topic(user.pk), EntryKind.ACTION, text, body=dict(body), actor=by, reason=reason)


def _who(by: User | None) -> str:
    return isolated(by.get_username()) if by else "Somebody on the console"


def _words(values: Standing) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items() if key != "name" or "→" in value)
