"""`make demo`: a lab of two real libvirt hosts, and kvmweb to migrate VMs between them. Ctrl-C ends both."""

from __future__ import annotations

import argparse
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "demo"
USER = "admin"
#: of the machine, not of the checkout: there is one lab of this prefix
LOCK = Path("/run/kvmweb-demo.lock")


class Stop(Exception):
    pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bind", default="127.0.0.1:8000", metavar="HOST:PORT")
    bind = parser.parse_args().bind
    data_dir = ROOT / "var" / "demo"
    os.environ |= {
        "KVMWEB_DATA_DIR": str(data_dir),
        "KVMWEB_ALLOWED_HOSTS": " ".join(_names(bind)),
        "DJANGO_SETTINGS_MODULE": "kvmweb.settings",
    }
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    serve: subprocess.Popen[bytes] | None = None
    from kvmweb.serve.children import die_with_parent
    from lab import Lab, LabError, Wanted, remove
    from lab.guests import DEMO_SHAPE_MBIT

    lock = _take_lock()
    try:
        print(
            "Starting two libvirt hosts. The first start takes some minutes: it creates their root file system.",
            flush=True,
        )
        lab = Lab.up(Wanted(prefix=PREFIX, hosts=2, profile="demo", shape_mbit=DEMO_SHAPE_MBIT, owned=True))
        password = _prepare(lab)
        serve = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--bind", bind],
            cwd=ROOT,
            start_new_session=True,
            preexec_fn=partial(die_with_parent, os.getpid()),  # also when the demo is killed
            pass_fds=[lock.fileno()],  # held until kvmweb has ended, too
        )
        _wait_for(serve, lab)
        print(f"\n  kvmweb   http://{bind}/\n  login    {USER}\n  password {password}\n")
        print(
            "  Open web-01, choose Migrate, and watch it migrate from kvm-a to kvm-b. Ctrl-C stops everything.\n",
            flush=True,
        )
        sys.exit(f"kvmweb ended with status {serve.wait()}.")
    except Stop:
        print("\nStopping kvmweb and the lab.", flush=True)
    except LabError as error:
        sys.exit(f"lab: {error}")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if serve is not None and serve.poll() is None:
            serve.terminate()
            serve.wait(20)
        try:
            remove(PREFIX)
        except LabError as error:
            sys.exit(f"lab: {error}")


def _take_lock(seconds: float = 15) -> IO[str]:
    """Waits for the end of a demo that was killed; its kvmweb needs some seconds to stop."""
    file = LOCK.open("w")
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                sys.exit("A demo is already running on this machine. Stop it with Ctrl-C first.")
            time.sleep(0.2)
        else:
            return file


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Stop


def _names(bind: str) -> list[str]:
    """The names a browser may use for this machine."""
    host = bind.rpartition(":")[0].strip("[]")
    names = {"localhost", "127.0.0.1", "[::1]", socket.gethostname(), socket.getfqdn()}
    if host in ("0.0.0.0", "::"):
        addresses = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()
        names |= {f"[{address}]" if ":" in address else address for address in addresses}
    else:
        names.add(host)
    return sorted(names)


def _prepare(lab: Any) -> str:
    """A new database with one admin and the lab's hosts, which accept kvmweb's ssh key."""
    for file in Path(os.environ["KVMWEB_DATA_DIR"]).glob("kvmweb.sqlite3*"):
        file.unlink()
    _manage("migrate", "--verbosity", "0")
    password = secrets.token_urlsafe(9)
    _manage("create_user", USER, "--role", "admin", "--password-stdin", text=f"{password}\n")
    lab.authorize_key(_manage("ssh_key").strip())

    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.db import connection

    from hosts.usecases.host_fields import HostFields
    from hosts.usecases.register_host import register_host

    admin = User.objects.get(username=USER)
    for host in lab.hosts.values():
        fields = HostFields(
            name=host.name,
            transport="ssh",
            address=host.address,
            user="root",
            peer_address=host.name,
            peer_transport="tcp",
            migration_address=host.migration_address,
        )
        register_host(fields, by=admin, reason="Host of the demo.")
    connection.close()
    return password


def _manage(*arguments: str, text: str = "") -> str:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, input=text, text=True, stdout=subprocess.PIPE).stdout


def _wait_for(serve: subprocess.Popen[bytes], lab: Any, seconds: float = 90) -> None:
    """Until kvmweb answers and has seen all VMs."""
    from hosts.models import Sighting

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if serve.poll() is not None:
            sys.exit("kvmweb did not start; see its output above.")
        if Sighting.objects.filter(state="running").count() >= 3:
            return
        time.sleep(0.3)
    print("Not all VMs are running yet; the dashboard shows why.")


if __name__ == "__main__":
    main()
