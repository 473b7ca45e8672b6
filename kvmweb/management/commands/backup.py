"""`manage.py backup FILE`: one archive to restore this installation from."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from kvmweb import backup


class Command(BaseCommand):
    help = "Writes the database, the secret key and the ssh keys to one new file, also while kvmweb runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        backup.make(options["file"])
        self.stdout.write(f"{options['file']} holds kvmweb's database and the key that opens your hosts: keep it safe.")
