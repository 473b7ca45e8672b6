"""`manage.py unlock USERNAME`: after too many wrong passwords somebody need not wait."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from kvmweb.accounts import record
from kvmweb.web.plain import isolated


class Command(BaseCommand):
    help = "Ends the wait after too many wrong passwords for this person, from every address, at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no person named {options['username']!r}.")
        # the entry is what the web process looks for when it is about to refuse
        record.tell(user, f"Somebody on the console unlocked {isolated(user.get_username())}", unlocked="yes")
        self.stdout.write(f"{user.username} need not wait any more.")
