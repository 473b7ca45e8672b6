"""`manage.py support_bundle FILE`: what somebody who helps needs to know, without secrets."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from kvmweb.health import bundle


class Command(BaseCommand):
    help = "Writes versions, settings without secrets, health, hosts, migrations and journal to a new file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        try:
            bundle.write(file, User(is_superuser=True))  # who may run this sees everything
        except FileExistsError:
            raise CommandError(f"{file} already exists. Choose another name.") from None
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"Written: {file}. It names hosts, VMs and users, but has no passwords, keys or tokens.")
