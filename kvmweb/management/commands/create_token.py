"""`manage.py create_token USERNAME`: prints a new API token and nothing else."""

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
    help = "Prints a new API token for a user. It is shown only once: kvmweb stores its hash."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user named {options['username']!r}.")
        with transaction.atomic():
            text = Token.issue(user)
            record.tell(user, f"Somebody on the command line created an API token for {isolated(user.get_username())}")
        self.stdout.write(text)
