"""`manage.py backup FILE`: one archive to restore this installation from."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from kvmweb import backup


class Command(BaseCommand):
    help = "Writes the database, the secret key and the private ssh key to a new file. kvmweb may be running."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        backup.make(options["file"])
        self.stdout.write(f"Written: {options['file']}. It contains the private ssh key to your hosts: keep it safe.")
