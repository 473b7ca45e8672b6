"""`manage.py serve`: web, task clusters and watcher on one machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from kvmweb.accounts import first_admin
from kvmweb.config import BASE_DIR
from kvmweb.serve.sessions import MARK, new_environment
from kvmweb.serve.supervisor import AlreadyServing, Supervisor


class Command(BaseCommand):
    help = "Runs kvmweb: web server, workers and watcher. Ctrl-C stops it; libvirt continues running migrations."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1:8000", metavar="HOST:PORT", help="default %(default)s")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = _address(options["bind"])
        if MARK not in os.environ:
            os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **new_environment()})
        self.check(databases=["default"])
        self._refuse_old_schema()
        # made by a child: the process that serves never touches ssh or libvirt
        made = subprocess.run(
            [sys.executable, str(BASE_DIR / "manage.py"), "ssh_key"], check=False, stdout=subprocess.DEVNULL
        )
        if made.returncode:
            raise CommandError("kvmweb's ssh key could not be made or read. The lines above say why.")
        data_dir = settings.KVMWEB.data_dir
        try:
            supervisor = Supervisor(host=host, port=port, data_dir=data_dir)
        except AlreadyServing:
            raise CommandError(f"Another kvmweb is already running with the data folder {data_dir}.") from None
        _refuse_taken(host, port)  # only now: leftovers of an earlier kvmweb have been ended
        # hashed and compressed; made anew, because a start that was killed may have left half-written files
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{port}"
        self.stdout.write(f"kvmweb is running at {address}/ (data in {data_dir})")
        self._offer_setup((*settings.KVMWEB.trusted_origins, address)[0])
        self.stdout.flush()
        supervisor.run()

    def _offer_setup(self, address: str) -> None:
        """The link itself goes to a terminal only: what is written elsewhere may be kept as a log."""
        file = first_admin.offer(address)
        connection.close()
        if file is None:
            return
        self.stdout.write(f"There is no user yet. The link to create the first admin is in {file}")
        if self.stdout.isatty():
            self.stdout.write(file.read_text().strip())

    def _refuse_old_schema(self) -> None:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            raise CommandError(
                f"The database schema is out of date: {len(missing)} schema migrations are missing."
                " Run `make install` (or `manage.py migrate`), then start kvmweb again."
            )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise CommandError(f"--bind takes HOST:PORT, such as 127.0.0.1:8000, not {text!r}.")
    return host, int(port)


def _refuse_taken(host: str, port: int) -> None:
    """Reported here once, instead of by a web server that is started again and again."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CommandError(f"--bind {host}:{port} cannot be used: {error.strerror}.") from None
