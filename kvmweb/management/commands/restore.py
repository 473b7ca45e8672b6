"""`manage.py restore FILE`: a new installation from what `backup` wrote."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from kvmweb import backup


class Command(BaseCommand):
    help = "Puts a backup into a new data folder and an empty database; refuses to overwrite anything."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        manifest = backup.restore(options["file"])
        call_command("migrate", verbosity=0)  # of an earlier release
        self.stdout.write(f"{settings.KVMWEB.data_dir} is as it was at {manifest['made']}. Start kvmweb.")
