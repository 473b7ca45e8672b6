"""`manage.py unlock USERNAME`: ends the wait after too many wrong passwords."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from kvmweb.accounts import record
from kvmweb.web.plain import isolated


class Command(BaseCommand):
    help = "Ends the wait after too many wrong passwords for a user, whatever address they log in from."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user named {options['username']!r}.")
        # the entry is what the web process looks for when it is about to refuse
        record.tell(user, f"Somebody on the command line unlocked {isolated(user.get_username())}", unlocked="yes")
        self.stdout.write(f"{user.username} can try to log in again now.")
