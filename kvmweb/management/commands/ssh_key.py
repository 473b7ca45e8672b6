"""`manage.py ssh_key`: the line for authorized_keys on the hosts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hosts.gateway import _ssh


class Command(BaseCommand):
    help = "Prints kvmweb's public ssh key: the line for authorized_keys on a host. Creates the key if there is none."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(_ssh.public_key())
        except OSError as error:
            raise CommandError(
                f"{error.filename}: {error.strerror}. Run kvmweb as the owner of its data folder."
            ) from None
