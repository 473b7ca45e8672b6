"""`manage.py ssh_key`: the line for authorized_keys on the hosts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from hosts.gateway import _ssh


class Command(BaseCommand):
    help = "Prints kvmweb's public ssh key: the line for authorized_keys on a host. Creates the key if there is none."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(_ssh.public_key())
