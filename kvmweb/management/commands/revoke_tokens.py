"""`manage.py revoke_tokens USERNAME`: revokes every API token of a user."""

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
    help = "Revokes all API tokens of a user, active or not. create_token creates new ones."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user named {options['username']!r}.")
        with transaction.atomic():
            count, _ = Token.objects.filter(user=user).delete()
            name = isolated(user.get_username())
            record.tell(user, f"Somebody on the command line revoked the API tokens of {name}", tokens=str(count))
        self.stdout.write(f"{user.username}: {count} token{'s' * (count != 1)} revoked.")
