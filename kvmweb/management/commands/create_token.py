"""`manage.py create_token USERNAME [--expires WHEN]`: prints a new API token and nothing else."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from kvmweb.accounts import record
from kvmweb.accounts.models import Token
from kvmweb.web.plain import isolated

_AFTER = re.compile(r"([1-9][0-9]{0,4})([dh])")
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1)}


def moment(text: str) -> datetime:
    """`90d` and `12h` from now; a date, through its end in UTC; a date with a time, in UTC unless it names a zone."""
    after = _AFTER.fullmatch(text)
    try:
        if after:
            when = timezone.now() + int(after[1]) * _UNITS[after[2]]
        elif "T" in text or " " in text:
            when = datetime.fromisoformat(text)
        else:
            when = datetime.combine(date.fromisoformat(text) + timedelta(days=1), time())
        when = when if when.tzinfo else when.replace(tzinfo=timezone.get_default_timezone())
    except (ValueError, OverflowError):
        raise ArgumentTypeError("write 90d, 12h, 2031-12-31 or 2031-12-31T18:00") from None
    if when <= timezone.now():
        raise ArgumentTypeError("this is in the past")
    return when


class Command(BaseCommand):
    help = "Prints a new API token for a user. It is shown only once: kvmweb stores its hash."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--expires",
            type=moment,
            metavar="WHEN",
            help="when it expires: 90d, 12h, a date (through its end) or a date and time, in UTC. Without it: never.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user named {options['username']!r}.")
        expires = options["expires"]
        until = f", which expires at {expires:%Y-%m-%d %H:%M %Z}" if expires else ""
        with transaction.atomic():
            text = Token.issue(user, expires=expires)
            name = isolated(user.get_username())
            record.tell(user, f"Somebody on the command line created an API token for {name}{until}")
        self.stdout.write(text)
