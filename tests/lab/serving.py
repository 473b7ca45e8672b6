"""A real `manage.py serve` beside the lab, spoken to as a client would: over the API."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from kvmweb.config import BASE_DIR
from kvmweb.serve.children import die_with_parent
from lab import Lab, certificates
from tests.installed import environment, install
from tests.patience import PATIENCE

TERMINAL = {"done", "failed", "cancelled", "blocked"}


class Answer:
    def __init__(self, status: int, body: Any, headers: Any) -> None:
        self.status = status
        self.body = body
        self.headers = headers


class Serving:
    """One kvmweb with its own data folder; `transport` and `peer` say how the lab's hosts are registered.

    `root` is the checkout it runs from."""

    def __init__(
        self,
        lab: Lab,
        folder: Path,
        *,
        transport: str = "tcp",
        peer: str = "tcp",
        root: Path = BASE_DIR,
        **settings: str,
    ) -> None:
        self.lab = lab
        self.folder = folder
        self.root = root
        self.transport = transport
        self.peer = peer
        self.port = _spare_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = environment(folder, **{"KVMWEB_REFRESH_SECONDS": "3600", **settings})
        self.process: subprocess.Popen[bytes] | None = None
        self.password = "olga-password-1"
        self.token = self.admin_token = ""

    # --- life -----------------------------------------------------------------------------------------------------

    def prepare(self, *, known_to_hosts: bool = True) -> None:
        """The database, three people, and kvmweb's ssh key on the hosts."""
        if self.root == BASE_DIR and "KVMWEB_DATABASE_URL" not in self.environment:
            install(self.folder)
        passwords = "".join(f"{name}-password-1\n" for name in ("olga", "anna", "vera"))
        said = self.manage("shell", "-v", "0", "-c", _INSTALL, text=passwords)
        self.token, self.admin_token, key = said.splitlines()
        if known_to_hosts:
            self.lab.authorize_key(key)
        if self.transport == "tls":
            certificates.write_client(certificates.of(self.lab.state).ensure("kvmweb"), self.folder / "pki")

    def start(self) -> None:
        with (self.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{self.port}"],
                cwd=self.root,
                env=self.environment,
                stdout=log,
                stderr=log,
                preexec_fn=partial(die_with_parent, os.getpid()),  # also when the tests are killed
            )
        # the web server of an earlier serve that was killed may still answer: serve ends it before it starts its own
        wait_until(self._has_its_own_web_server, 60, "the web server is started", tell=self.tail_of_log)
        wait_until(self._answers, 60, "kvmweb answers", tell=self.tail_of_log)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def _has_its_own_web_server(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.tail_of_log()
        web = [*self.pids("kvmweb: web"), *self.pids("uvicorn")]  # the second: an older kvmweb, measured by the bench
        return any(f"PPid:\t{self.process.pid}\n" in _status(pid) for pid in web)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.tail_of_log()
        try:
            return self.get("/hosts").status == 200
        except OSError:
            return False

    def register_hosts(self) -> None:
        for host in self.lab.hosts.values():
            fields = {
                "name": host.name,
                "transport": self.transport,
                "address": host.address,
                "peer_address": host.name,
                "peer_transport": self.peer,
                "migration_address": host.migration_address,
            }
            if self.transport == "ssh":
                fields["user"] = "root"
            if self.peer == "ssh":
                fields["peer_user"] = "root"
            answer = self.post("/hosts", fields, token=self.admin_token)
            assert answer.status == 201, answer.body
        self.wait_for_hosts()

    def wait_for_hosts(self, seconds: float = 60) -> None:
        """Until the hosts of the lab are connected: one that lost its libvirtd is tried again only every 10 s."""
        names = set(self.lab.hosts)
        wait_until(
            lambda: names <= {host["name"] for host in self.items("/hosts") if host["contact"] == "answers"},
            seconds,
            f"{' and '.join(sorted(names))} are connected",
        )

    # --- speaking -------------------------------------------------------------------------------------------------

    def manage(self, *command: str, text: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=self.root,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def as_admin(self, call: str, **fields: Any) -> None:
        """What an admin does on a page and the API does not have; `call` is a line of Python about `admin` and `fields`."""
        as_admin(self.manage, call, fields)

    def get(self, path: str, *, token: str = "") -> Answer:
        return self._call("GET", path, None, token)

    def post(self, path: str, body: Any = None, *, token: str = "") -> Answer:
        return self._call("POST", path, body if body is not None else {}, token)

    def preflight(self, body: Any, *, token: str = "") -> Answer:
        """The report; a busy kvmweb says first where it will be."""
        answer = self.post("/preflights", body, token=token)
        path = f"/preflights/{answer.body['id']}" if answer.status == 202 else ""
        until = time.monotonic() + PATIENCE
        while answer.status == 202 and time.monotonic() < until:
            time.sleep(0.5)
            answer = self.get(path, token=token)
        return answer

    def put(self, path: str, body: Any, *, token: str = "") -> Answer:
        return self._call("PUT", path, body, token)

    def patch(self, path: str, body: Any, *, token: str = "") -> Answer:
        return self._call("PATCH", path, body, token)

    def _call(self, method: str, path: str, body: Any, token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answer(answer.status, json.loads(answer.read() or b"null"), answer.headers)
        except urllib.error.HTTPError as error:
            return Answer(error.code, json.loads(error.read() or b"null"), error.headers)

    def items(self, path: str) -> list[Any]:
        answer = self.get(path)
        assert answer.status == 200, answer.body
        return list(answer.body["items"])

    def guest(self, name: str) -> Any:
        """The one that is on a host now: a VM of an earlier test that had the same name may still be listed, as gone."""
        named = [guest for guest in self.items(f"/guests?q={name}") if guest["name"] == name]
        return max(named, key=lambda guest: guest["gone_since"] is None)

    def wait_for_guest(self, name: str, host: str, state: str = "running", seconds: float = 40) -> Any:
        def seen() -> list[tuple[str, str]]:
            return [(g["host"], g["state"]) for g in self.items(f"/guests?q={name}") if g["name"] == name]

        def tell() -> str:
            truth = self.lab.hosts[host].virsh("list", "--all", check=False)
            return f"kvmweb sees {seen()}; {host} itself:\n{truth}\n{self.tail_of_log()}"

        wait_until(lambda: (host, state) in seen(), seconds, f"{name} is seen {state} on {host}", tell)
        return self.guest(name)

    # --- migrations -----------------------------------------------------------------------------------------------

    def migrate(
        self, name: str, target: str, *, kind: str = "live", token: str = "", confirm: str = "", **options: Any
    ) -> Any:
        """`confirm`: its name, for a method that interrupts it."""
        body = {"guest": self.guest(name)["uuid"], "target": target, "kind": kind, "options": options}
        body |= {"confirm": confirm} if confirm else {}
        answer = self.post("/migrations", body, token=token)
        assert answer.status == 201, answer.body
        return answer.body

    def migration(self, pk: int) -> Any:
        return self.get(f"/migrations/{pk}").body

    def wait_for_state(self, pk: int, *states: str, seconds: float = 60) -> Any:
        """An end is told at once, and not waited for: no other state comes after it."""
        shown: Any = {}

        def reached() -> bool:
            shown.update(self.migration(pk))
            assert shown["state"] in states or not shown["terminal"], f"it ended before that was seen. {tell()}"
            return shown["state"] in states

        def tell() -> str:
            return f"{shown['state']}: {shown['state_text']}\n{self.tail_of_log()}"

        wait_until(reached, seconds, f"migration {pk} is {' or '.join(states)}", tell)
        return shown

    def wait_for_copying(self, pk: int) -> Any:
        """Until libvirt copies memory and a first progress row is there."""
        self.wait_for_state(pk, "copying_memory", "copying_disks")
        wait_until(lambda: self.migration(pk)["progress"]["percent"] is not None, 20, "progress is shown")
        return self.migration(pk)

    def wait_for_end(self, pk: int, seconds: float = 120) -> Any:
        """Also that the saved definition is the same at the destination, whatever was migrated and how."""
        ended = self.wait_for_state(pk, *TERMINAL, seconds=seconds)
        if ended["state"] == "done":
            assert "the definitions cannot be compared" not in (self.folder / "serve.log").read_text()
            differences = [row["body"] for row in self.journal(pk) if "differences" in (row["body"] or {})]
            assert differences == [], differences
            record = self.get(f"/migrations/{pk}/record").body
            assert record["definition_before"].startswith("<domain")
            assert record["definition_after"].startswith("<domain")
            assert record["versions"]["target"]["qemu"]
        return ended

    def journal(self, pk: int) -> list[Any]:
        return self.items(f"/migrations/{pk}/journal?limit=500")

    def owners(self, pk: int) -> list[str]:
        """Who wrote progress rows, in order, each once."""
        return list(dict.fromkeys(row["body"]["owner"] for row in self.journal(pk) if row["kind"] == "progress"))

    def tail_of_log(self) -> str:
        return (self.folder / "serve.log").read_text()[-3000:]

    # --- processes ------------------------------------------------------------------------------------------------

    def pids(self, *words: str) -> list[int]:
        """Processes of this kvmweb whose title has all the words, oldest first. serve's own is its command line."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if all(word in command for word in words) and f"KVMWEB_DATA_DIR={self.folder}\0".encode() in environment:
                found.append(int(entry.name))
        return sorted(found)

    def owner_pid(self, pk: int) -> int:
        """The worker that holds a migration, once it has written progress; the owner's name is MACHINE-PID-RANDOM."""

        def owner() -> str:
            return self.migration(pk)["progress"]["owner"] or ""

        wait_until(lambda: owner() != "", 20, f"a worker holds migration {pk}", tell=self.tail_of_log)
        return int(owner().rsplit("-", 2)[1])

    def kill(self, *words: str) -> None:
        for pid in self.pids(*words):
            os.kill(pid, signal.SIGKILL)


#: a process for each of these commands would take longer than they do
_INSTALL = """
import io
from django.core.management import call_command
from django.db import connection
if not connection.introspection.table_names():
    call_command("migrate", verbosity=0)
for name, role in (("olga", "operator"), ("anna", "admin"), ("vera", "viewer")):
    call_command("create_user", name, role=role, password_stdin=True, stdout=io.StringIO())
call_command("create_token", "olga")
call_command("create_token", "anna")
call_command("ssh_key")
"""
_AS_ADMIN = """
import json
from django.contrib.auth.models import User
from hosts.models import Host
from hosts.usecases.confirm_host_key import confirm_host_key
from hosts.usecases.register_host import change_host, register_host
admin = User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("superuser")
fields = json.loads({fields!r})
{call}
"""


def as_admin(manage: Callable[..., str], call: str, fields: dict[str, Any]) -> None:
    manage("shell", "-v", "0", "-c", _AS_ADMIN.format(fields=json.dumps(fields), call=call))


def wait_until(true: Callable[[], bool], seconds: float, what: str, tell: Callable[[], str] = lambda: "") -> None:
    """At least `seconds`."""
    patience = max(seconds, PATIENCE)
    until = time.monotonic() + patience
    while not true():
        assert time.monotonic() < until, f"not within {patience:.0f} s: {what}. {tell()}"
        time.sleep(0.1)


def _status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""


def _spare_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
