"""`manage.py create_user NAME --role ROLE [--scope SCOPE]`: a new user, or role and password of an existing one."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from kvmweb.accounts import record
from kvmweb.accounts.grants import set_roles
from kvmweb.accounts.roles import EVERYWHERE, Role, fits
from kvmweb.accounts.scopes import UnknownScope, said, settled


class Command(BaseCommand):
    help = "Creates a user, or sets role and password of an existing one. Asks for the password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=[role.value for role in Role], required=True)
        parser.add_argument(
            "--scope",
            default=EVERYWHERE,
            help="of a member or lead a team: team:3; of a viewer or operator a group of hosts: group:north",
        )
        parser.add_argument(
            "--superuser",
            action="store_true",
            help="give every right; without this option an existing superuser is one no longer",
        )
        parser.add_argument("--email", help="where mails about requests of the user's team go; empty for none")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        role, scope = options["role"], _scope(options["role"], options["scope"])
        password = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else getpass.getpass()
        try:
            User.username_validator(options["username"])
            validate_password(password, User(username=options["username"]))
            if options["email"]:
                validate_email(options["email"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        with transaction.atomic():
            user, new = User.objects.get_or_create(username=options["username"])
            before = None if new else record.standing(user)
            user.set_password(password)
            if options["email"] is not None:
                user.email = options["email"]
            user.is_superuser = options["superuser"]  # it would keep every right, whatever the role
            user.save()
            set_roles(user, [role], scope)
            record.changed(user, before)
            if not new:
                record.new_password(user)
        given = ", ".join(said(user.grants.all()))
        self.stdout.write(f"{user.username} is now {given}{' and superuser' * user.is_superuser}.")
        if before and before["superuser"] == "yes" and not user.is_superuser:
            self.stdout.write(f"{user.username} is no longer a superuser: --superuser was not given.")
        if not user.is_active:
            self.stdout.write(
                f"{user.username} is inactive and cannot log in. An admin can change that at /console/people/."
            )


def _scope(role: str, text: str) -> str:
    """Raises CommandError."""
    try:
        scope = settled(text)
    except UnknownScope as unknown:
        raise CommandError(f"{unknown} {text!r} is not a scope of the role {role}.") from None
    if not fits(role, scope):
        having = "member and lead have a team, team:3, and viewer and operator a group of hosts, group:north"
        raise CommandError(f"{text!r} is not a scope of the role {role}: {having}.")
    return scope
