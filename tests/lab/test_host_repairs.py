"""A host that cannot be used says why and what helps, and comes up by itself when that was done: within 30 s, while
kvmweb runs, with no restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lab import Host, Lab
from tests.lab.serving import Serving, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

REPAIRED_WITHIN = 30
_HOLD = """
import os, socket
path = "/run/libvirt/libvirt-sock"
if os.path.exists(path): os.unlink(path)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
os.chmod(path, 0o666)
listener.listen()
while True: listener.accept()[0].close()
"""
KEY_FILE = "/etc/ssh/ssh_host_ed25519_key"


class Repairs:
    """kvm-b as kvmweb sees it, registered by ssh before kvmweb's key was on it."""

    def __init__(self, serving: Serving, host: Host) -> None:
        self.serving = serving
        self.host = host

    @property
    def row(self) -> Any:
        return next(row for row in self.serving.items("/hosts") if row["name"] == self.host.name)

    def register(self, **fields: str) -> None:
        fields |= {"name": self.host.name, "transport": "ssh", "address": self.host.address}
        answer = self.serving.post("/hosts", fields, token=self.serving.admin_token)
        assert answer.status == 201, answer.body

    def change(self, **fields: str) -> None:
        self.serving.as_admin(f"change_host(Host.objects.get(name={self.host.name!r}), fields, by=admin)", **fields)

    def confirm_key(self) -> None:
        host = f"Host.objects.get(name={self.host.name!r})"
        self.serving.as_admin(f"confirm_host_key({host}, by=admin, fingerprint={host}.offered_fingerprint)")

    def broken(self, contact: str, *words: str) -> None:
        """Until the host has this state and says all of that."""

        def said() -> bool:
            row = self.row
            return row["contact"] == contact and all(word in row["contact_text"] for word in words)

        wait_until(said, 30, f"{contact}, {words}", tell=lambda: str((self.row["contact"], self.row["contact_text"])))

    def repaired(self) -> None:
        wait_until(
            lambda: self.row["contact"] == "answers",
            REPAIRED_WITHIN,
            "the repaired host answers",
            tell=lambda: f"{self.row['contact']}: {self.row['contact_text']}\n{self.serving.tail_of_log()}",
        )

    @contextmanager
    def held_socket(self) -> Iterator[None]:
        """Somebody listens on libvirt's socket who is not libvirt, and closes what connects."""
        pid = self.host.exec("sh", "-c", f"python3 -c '{_HOLD}' >/dev/null 2>&1 & echo $!").strip()
        try:
            yield
        finally:
            self.host.exec("kill", pid)

    @contextmanager
    def without_sshd(self) -> Iterator[None]:
        """Nobody listens on its port; who is logged in stays."""
        self.host.kill_daemon("sshd")
        try:
            yield
        finally:
            self.host.start_daemon("sshd")


@pytest.fixture(scope="module")
def unknown_key(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repairs]:
    serving = Serving(lab, tmp_path_factory.mktemp("repairs"), transport="ssh")
    serving.prepare(known_to_hosts=False)
    serving.start()
    try:
        yield Repairs(serving, lab.hosts["kvm-b"])
    finally:
        serving.stop()
        lab.reset()


@pytest.fixture(scope="module")
def there(unknown_key: Repairs) -> Repairs:
    """The first journey: added without its key, which is installed later."""
    unknown_key.register(user="root")
    key = unknown_key.serving.manage("ssh_key").strip()
    unknown_key.broken("denied", "authorized_keys of root", key)
    unknown_key.serving.lab.authorize_key(key)
    unknown_key.repaired()
    return unknown_key


def test_a_key_that_is_installed_later(there: Repairs) -> None:
    log = (there.serving.folder / "serve.log").read_text()
    assert log.count("login refused") == 1, log
    assert there.row["fingerprint"].startswith("SHA256:")


def test_a_user_that_is_corrected(there: Repairs) -> None:
    there.change(user="nobody")
    there.broken("denied", "did not let nobody log in", "correct it")
    there.change(user="vmadmin")
    there.repaired()


def test_a_user_that_joins_the_libvirt_group(there: Repairs) -> None:
    there.change(user="outsider")
    there.broken("denied", f"On {there.host.address}: sudo usermod -aG libvirt outsider")
    there.host.exec("usermod", "-aG", "libvirt", "outsider")
    try:
        there.repaired()
    finally:
        there.host.exec("gpasswd", "-d", "outsider", "libvirt")
        there.change(user="root")
    there.repaired()


def test_a_libvirtd_that_is_started_again(there: Repairs) -> None:
    there.host.kill_daemon("libvirtd")
    try:
        there.broken("away", "libvirtd is not running there", f"On {there.host.address}: sudo systemctl")
    finally:
        there.host.start_daemon("libvirtd")
    there.repaired()


def test_a_socket_whose_daemon_does_not_start(there: Repairs) -> None:
    """As systemd holds it: the connection is accepted, and ends without a word. libvirt says "End of file"."""
    there.host.kill_daemon("libvirtd")
    try:
        with there.held_socket():
            there.broken("away", "libvirtd is not running there", "Details: ")
    finally:
        there.host.start_daemon("libvirtd")
    there.repaired()


def test_a_port_that_is_opened(there: Repairs) -> None:
    with there.without_sshd():
        there.change(user="vmadmin")
        there.broken("away", "refused the connection", "Probably nothing listens on port 22")
    there.repaired()


def test_a_host_key_that_is_confirmed(there: Repairs) -> None:
    old = there.row["fingerprint"]
    with there.without_sshd():
        there.host.exec("mv", KEY_FILE, f"{KEY_FILE}.old")
        there.host.exec("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", KEY_FILE)
        there.change(user="root")
    try:
        there.broken("confirm", "shows another ssh host key", old)
        there.confirm_key()
        there.repaired()
        assert there.row["fingerprint"] != old
    finally:
        with there.without_sshd():
            there.host.exec("mv", f"{KEY_FILE}.old", KEY_FILE)
            there.change(user="vmadmin")
    there.broken("confirm", old)
    there.confirm_key()
    there.repaired()
    assert there.row["fingerprint"] == old
