"""`manage.py support_bundle FILE`: what somebody who helps needs to know, without secrets."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from kvmweb.health import bundle


class Command(BaseCommand):
    help = "Writes a zip with versions, settings, health, hosts and journal, without secrets. kvmweb may be running."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        bundle.make(options["file"])
        self.stdout.write(f"Written: {options['file']}. It names hosts, VMs and users: read it before you pass it on.")
