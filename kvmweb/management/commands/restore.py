"""`manage.py restore FILE`: a new installation from a backup."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from kvmweb import backup


class Command(BaseCommand):
    help = "Restores a backup into a new data folder and an empty database. It overwrites nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        manifest = backup.restore(options["file"])
        call_command("migrate", verbosity=0)  # of an earlier release
        self.stdout.write(
            f"Restored the backup of {manifest['made']} into {settings.KVMWEB.data_dir}. Start kvmweb now."
        )
