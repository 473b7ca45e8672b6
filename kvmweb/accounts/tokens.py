"""Making and revoking API tokens, with their entries in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from kvmweb.accounts import record
from kvmweb.accounts.models import Token
from kvmweb.accounts.people import PersonRefused, people_seen
from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

#: of one user; nobody needs as many
MOST_TOKENS = 100


def tokens_of(user: User, *, by: User) -> QuerySet[Token]:
    """Everybody sees the own ones, admins those of the users they see. Raises PermissionDenied."""
    rows = Token.objects.filter(user=user)
    return rows if user.pk == by.pk or people_seen(by).filter(pk=user.pk).exists() else rows.none()


def count_tokens(*, by: User) -> int:
    return Token.objects.filter(user__in=people_seen(by)).count()


@transaction.atomic
def make_token(user: User, *, expires: datetime | None, by: User, reason: str = "") -> tuple[Token, str]:
    """The token and its text, which nothing can show again. Raises PersonRefused, PermissionDenied."""
    if user.pk != by.pk and not people_seen(by).filter(pk=user.pk).exists():
        raise User.DoesNotExist
    user = User.objects.get(pk=user.pk)  # as it is now
    if not user.is_active:
        raise PersonRefused("username", "An inactive user gets no token.")
    if expires and expires <= timezone.now():
        raise PersonRefused("expires", "This is in the past.")
    if Token.objects.filter(user=user).count() >= MOST_TOKENS:
        raise PersonRefused("username", f"This user has {MOST_TOKENS} tokens already. Revoke some first.")
    text = Token.issue(user, expires=expires)
    token = Token.objects.filter(user=user).latest("pk")
    until = f", which expires at {expires:%Y-%m-%d %H:%M %Z}" if expires else ""
    record.tell(user, f"{_who(by)} created an API token for {_whom(user, by)}{until}", by=by, reason=reason)
    return token, text


@transaction.atomic
def revoke_token(token: Token, *, by: User, reason: str = "") -> bool:
    """False: somebody else has just done it. Raises PermissionDenied."""
    user = token.user
    gone, _ = tokens_of(user, by=by).filter(pk=token.pk).delete()
    if gone:
        text = f"{_who(by)} revoked the API token {token.prefix}… of {_whom(user, by)}"
        record.tell(user, text, by=by, reason=reason)
    return bool(gone)


def _who(user: User) -> str:
    return isolated(user.get_username())


def _whom(user: User, by: User) -> str:
    return "themselves" if user.pk == by.pk else isolated(user.get_username())
