"""`manage.py revoke_tokens USERNAME [NUMBER …]`: revokes some or all API tokens of a user."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from kvmweb.accounts import record
from kvmweb.accounts.models import Token
from kvmweb.web.plain import isolated


class Command(BaseCommand):
    help = "Revokes API tokens of a user, active or not: those named by number, or all. create_token creates new ones."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "number", nargs="*", type=int, help="of a token, as list_tokens shows it. Without one: all."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user named {options['username']!r}.")
        numbers = sorted(set(options["number"]))
        with transaction.atomic():
            tokens = Token.objects.filter(user=user)
            if numbers:
                tokens = _named(tokens, numbers, user)
            count, _ = tokens.delete()
            what = f"the API token{'s' * (len(numbers) != 1)} {_listed(numbers)}" if numbers else "the API tokens"
            name = isolated(user.get_username())
            record.tell(user, f"Somebody on the command line revoked {what} of {name}", tokens=str(count))
        self.stdout.write(f"{user.username}: {count} token{'s' * (count != 1)} revoked.")


def _named(tokens: Any, numbers: list[int], user: User) -> Any:
    """Raises CommandError when one of them is not this user's: a mistyped number must not revoke the others alone."""
    tokens = tokens.filter(pk__in=numbers)
    missing = sorted(set(numbers) - set(tokens.values_list("pk", flat=True)))
    if missing:
        raise CommandError(f"{user.username} has no token {_listed(missing)}. Nothing was revoked.")
    return tokens


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
