"""`manage.py list_tokens [USERNAME]`: the API tokens that exist, never their text."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from kvmweb.accounts.models import Token

_LINE = "{:>6}  {:<20}  {:<13}  {:<16}  {:<16}  {}"


class Command(BaseCommand):
    help = "Lists API tokens: number, user, first characters, and when they were created, last used, and expire (UTC)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", nargs="?", help="only those of this user")

    def handle(self, *args: Any, **options: Any) -> None:
        tokens = Token.objects.select_related("user").order_by("user__username", "pk")
        if options["username"]:
            if not User.objects.filter(username=options["username"]).exists():
                raise CommandError(f"There is no user named {options['username']!r}.")
            tokens = tokens.filter(user__username=options["username"])
        self.stdout.write(_LINE.format("number", "user", "begins with", "created", "last used", "expires"))
        for token in tokens:
            self.stdout.write(_line(token))


def _line(token: Token) -> str:
    expires = _time(token.expires)
    if token.expires and token.expires <= timezone.now():
        expires += " (expired)"
    elif not token.user.is_active:
        expires += " (user is inactive)"
    name = token.user.get_username()
    return _LINE.format(token.pk, name, f"{token.prefix}…", _time(token.created), _time(token.last_used), expires)


def _time(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M}" if when else "never"
